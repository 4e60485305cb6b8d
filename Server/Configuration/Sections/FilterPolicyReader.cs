using System.Globalization;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.Configuration.Yaml;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>filter_policies</c> of a processor.</summary>
internal sealed class FilterPolicyReader(Problems problems)
{
    private static readonly string[] Kinds =
        ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"];

    private static readonly string[] Statuses = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

    /// <summary>Null where the key is not there.</summary>
    public IReadOnlyList<FilterPolicyOptions>? Read(MappingReader processor)
    {
        if (processor.Items("filter_policies") is not { } items)
            return null;

        var policies = new List<FilterPolicyOptions>();
        foreach (var (path, node) in items)
        {
            var item = MappingReader.Item(problems, path, node);
            policies.Add(new FilterPolicyOptions
            {
                Include = ReadMatch(item.Mapping("include")),
                IncludeAny = ReadMatch(item.Mapping("include_any")),
                Exclude = ReadMatch(item.Mapping("exclude")),
            });
            item.Done();
            if (policies[^1] is { Include: null, IncludeAny: null, Exclude: null })
                problems.Error(node.Position, $"{path}: a filter policy needs at least one of include, include_any, exclude");
        }

        return policies;
    }

    private PolicyMatchOptions? ReadMatch(MappingReader match)
    {
        if (!match.Present)
            return null;

        if (!match.Has("match_type"))
            match.Error("match_type", "is missing; allowed: strict, regex");
        var type = match.Options(new PolicyMatchOptions()).MatchType;
        var attributes = new List<PolicyAttributeOptions>();
        foreach (var (path, node) in match.Items("attributes") ?? [])
            attributes.Add(ReadAttribute(MappingReader.Item(problems, path, node), type));
        match.Done();
        return new PolicyMatchOptions { MatchType = type, Attributes = attributes };
    }

    private static PolicyAttributeOptions ReadAttribute(MappingReader attribute, PolicyMatchType type)
    {
        var key = Key(attribute.String("key", ""));
        var value = attribute.Scalar("value") is { } scalar ? Typed(scalar, type) : null;
        attribute.Done();

        var intrinsic = key is "kind" or "status" or "name";
        var scoped = (key.StartsWith("resource.", StringComparison.Ordinal) && key.Length > "resource.".Length)
            || (key.StartsWith("span.", StringComparison.Ordinal) && key.Length > "span.".Length);
        if (!intrinsic && !scoped)
            attribute.Error("key", $"{Spelling.Quote(key)} is not allowed; it must be kind, status, name, resource.KEY or span.KEY");
        if (value is null)
            attribute.Error("value", "is missing");
        else if (type == PolicyMatchType.Regex && !Re2.TryCompile((string)value, out _, out var error))
            attribute.Error("value", $"{Spelling.Quote((string)value)} is not a regular expression: {error}");
        else if (type == PolicyMatchType.Strict && key == "kind" && !Kinds.Contains(value))
            attribute.Error("value", $"{Spelling.Quote(value.ToString()!)} is not a span kind; allowed: {string.Join(", ", Kinds)}");
        else if (type == PolicyMatchType.Strict && key == "status" && !Statuses.Contains(value))
            attribute.Error("value", $"{Spelling.Quote(value.ToString()!)} is not a status; allowed: {string.Join(", ", Statuses)}");
        else if (type == PolicyMatchType.Strict && key == "name" && value is not string)
            return new PolicyAttributeOptions { Key = key, Value = attribute.String("value", "") };
        return new PolicyAttributeOptions { Key = key, Value = value ?? "" };
    }

    // TraceQL also writes span:kind for kind, and quotes names that hold odd characters.
    private static string Key(string key)
    {
        if (key is "span:kind" or "span:status" or "span:name")
            return key["span:".Length..];

        foreach (var scope in (ReadOnlySpan<string>)["resource.", "span."])
        {
            if (key.StartsWith(scope + '"', StringComparison.Ordinal) && key.EndsWith('"') && key.Length > scope.Length + 2)
                return scope + key[(scope.Length + 1)..^1].Replace("\\\"", "\"").Replace("\\\\", "\\");
        }

        return key;
    }

    private static object Typed(ScalarNode scalar, PolicyMatchType type)
    {
        if (type == PolicyMatchType.Regex || !scalar.Plain)
            return scalar.Value;
        if (scalar.Value is "true" or "True" or "TRUE")
            return true;
        if (scalar.Value is "false" or "False" or "FALSE")
            return false;
        if (long.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            return integer;
        if (double.TryParse(scalar.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real))
            return real;
        return scalar.Value;
    }
}
