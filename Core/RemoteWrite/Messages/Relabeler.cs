using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using OrleansTempo.Core.Configuration.RemoteWrite;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Applies <c>write_relabel_configs</c> to a label set, rule by rule, with Prometheus' semantics: a missing label reads as empty,
/// setting a label to empty deletes it, and a regular expression must match the whole text. Safe for concurrent use.
/// </summary>
public sealed class Relabeler
{
    private const string DefaultRegex = "(.*)";
    private const string DefaultReplacement = "$1";
    private const string DefaultSeparator = ";";

    private readonly Rule[] _rules;

    /// <exception cref="ArgumentException">A rule is not valid; the message names its position, the key, and what is allowed.</exception>
    public Relabeler(IReadOnlyList<RelabelOptions> rules)
    {
        _rules = new Rule[rules.Count];
        for (var i = 0; i < rules.Count; i++)
            _rules[i] = Compile(rules[i], $"write_relabel_configs[{i}]");
        Key = string.Join('\u0001', rules.Select(static r => string.Join(
            '\u0002', r.Action, string.Join('\u0003', r.SourceLabels), r.Separator, r.TargetLabel, r.Regex, r.Modulus, r.Replacement)));
    }

    /// <summary>Equal for relabelers with the same rules, so that endpoints can share an encoding.</summary>
    internal string Key { get; }

    /// <summary>Applies the rules to <paramref name="labels"/>.</summary>
    /// <returns>Whether the series is kept; if not, the state of the labels is undefined.</returns>
    public bool Apply(Dictionary<string, string> labels)
    {
        foreach (var rule in _rules)
        {
            if (!Apply(rule, labels))
                return false;
        }

        return true;
    }

    private static bool Apply(Rule rule, Dictionary<string, string> labels)
    {
        var options = rule.Options;
        var value = options.SourceLabels.Count == 1
            ? Get(labels, options.SourceLabels[0])
            : string.Join(options.Separator, options.SourceLabels.Select(name => Get(labels, name)));

        switch (options.Action)
        {
            case RelabelAction.Keep:
                return rule.Regex.IsMatch(value);
            case RelabelAction.Drop:
                return !rule.Regex.IsMatch(value);
            case RelabelAction.KeepEqual:
                return Get(labels, options.TargetLabel) == value;
            case RelabelAction.DropEqual:
                return Get(labels, options.TargetLabel) != value;
            case RelabelAction.Replace:
                Replace(rule, labels, value);
                break;
            case RelabelAction.Lowercase:
                Set(labels, options.TargetLabel, value.ToLowerInvariant());
                break;
            case RelabelAction.Uppercase:
                Set(labels, options.TargetLabel, value.ToUpperInvariant());
                break;
            case RelabelAction.HashMod:
                var hash = MD5.HashData(Encoding.UTF8.GetBytes(value));
                var remainder = BinaryPrimitives.ReadUInt64BigEndian(hash.AsSpan(8)) % options.Modulus;
                Set(labels, options.TargetLabel, remainder.ToString(CultureInfo.InvariantCulture));
                break;
            case RelabelAction.LabelMap:
                // Iterates over a copy, so that labels added by the rule are not mapped again.
                foreach (var (name, text) in labels.OrderBy(static l => l.Key, StringComparer.Ordinal).ToArray())
                {
                    if (rule.Regex.Match(name) is { Success: true } match)
                        Set(labels, rule.Replacement.Expand(match), text);
                }

                break;
            case RelabelAction.LabelDrop:
                foreach (var name in labels.Keys.Where(rule.Regex.IsMatch).ToArray())
                    labels.Remove(name);
                break;
            case RelabelAction.LabelKeep:
                foreach (var name in labels.Keys.Where(name => !rule.Regex.IsMatch(name)).ToArray())
                    labels.Remove(name);
                break;
        }

        return true;
    }

    private static void Replace(Rule rule, Dictionary<string, string> labels, string value)
    {
        // A rule that sets a constant without source labels needs no match.
        if (value.Length == 0 && rule.Options.Regex == DefaultRegex && !rule.Target.HasVariables && !rule.Replacement.HasVariables)
        {
            Set(labels, rule.Options.TargetLabel, rule.Options.Replacement);
            return;
        }

        var match = rule.Regex.Match(value);
        if (!match.Success)
            return;

        Set(labels, rule.Target.Expand(match), rule.Replacement.Expand(match));
    }

    private static string Get(Dictionary<string, string> labels, string name) => labels.TryGetValue(name, out var value) ? value : "";

    private static void Set(Dictionary<string, string> labels, string name, string value)
    {
        // The result of a template may not be a valid name; the label is then dropped, as in Prometheus.
        if (value.Length == 0)
            labels.Remove(name);
        else if (LabelName.IsValid(name))
            labels[name] = value;
    }

    private static Rule Compile(RelabelOptions options, string path)
    {
        if (!Re2.TryCompileAnchored(options.Regex, out var regex, out var error))
            throw new ArgumentException($"{path}.regex: '{Cut(options.Regex)}' is not a regular expression in RE2 syntax: {error}");

        var action = options.Action.ToString().ToLowerInvariant();
        if (options.Action is RelabelAction.HashMod && options.Modulus == 0)
            throw new ArgumentException($"{path}.modulus: hashmod needs one greater than 0");

        var needsTarget = options.Action is RelabelAction.Replace or RelabelAction.HashMod or RelabelAction.Lowercase
            or RelabelAction.Uppercase or RelabelAction.KeepEqual or RelabelAction.DropEqual;
        if (needsTarget && options.TargetLabel.Length == 0)
            throw new ArgumentException($"{path}.target_label: {action} needs one");

        var isFixed = options.Action is RelabelAction.Lowercase or RelabelAction.Uppercase or RelabelAction.KeepEqual or RelabelAction.DropEqual;
        if (isFixed && options.Replacement != DefaultReplacement)
            throw new ArgumentException($"{path}.replacement: '{Cut(options.Replacement)}' has no meaning for {action}; leave it out");

        if (options.Action is RelabelAction.KeepEqual or RelabelAction.DropEqual
            && (options.Regex != DefaultRegex || options.Modulus != 0 || options.Separator != DefaultSeparator))
        {
            throw new ArgumentException($"{path}: {action} takes source_labels and target_label only");
        }

        if (options.Action is RelabelAction.LabelDrop or RelabelAction.LabelKeep
            && (options.SourceLabels.Count != 0 || options.TargetLabel.Length != 0 || options.Modulus != 0
                || options.Separator != DefaultSeparator || options.Replacement != DefaultReplacement))
        {
            throw new ArgumentException($"{path}: {action} takes regex only");
        }

        if (options.Action is RelabelAction.LabelMap && options.Replacement.Length == 0)
            throw new ArgumentException($"{path}.replacement: labelmap needs the name to map to");

        return new Rule(options, regex, new GoTemplate(options.TargetLabel, regex), new GoTemplate(options.Replacement, regex));
    }

    private static string Cut(string text) => text.Length <= 80 ? text : text[..80] + "…";

    private sealed record Rule(RelabelOptions Options, Re2 Regex, GoTemplate Target, GoTemplate Replacement);
}
