using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Server.Configuration.Pages;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Configuration.Yaml;

namespace OrleansTempo.Server.UserOverrides;

/// <summary>
/// What a tenant has set for itself: the JSON of <c>/api/overrides</c>, and the same as an entry of overrides, so that what a value
/// may be is said in one place for the file and for the API.
/// <code>
///   JSON ─► LimitsReader (fields, kinds) ─► ConfigNode ─► OverridesReader (values) ─► laid over the operator's
/// </code>
/// </summary>
internal sealed class TenantLimits
{
    // What is not in a web page needs no escapes for one, and regular expressions are full of what would be escaped.
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_indented = new(s_plain) { WriteIndented = true };
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    private readonly JsonObject _json;
    private readonly MappingNode _entry;

    private TenantLimits(JsonObject json)
    {
        _json = json;
        _entry = Entry(json);
    }

    /// <summary>As they are kept and answered.</summary>
    public byte[] ToUtf8() => JsonSerializer.SerializeToUtf8Bytes(_json, s_plain);

    /// <summary>A copy of the JSON.</summary>
    public JsonObject ToJson() => (JsonObject)_json.DeepClone();

    public string ToIndentedText() => _json.ToJsonString(s_indented);

    /// <summary>Reads limits, or a patch of them: any JSON value.</summary>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static JsonNode? ParseJson(ReadOnlySpan<byte> utf8)
    {
        try
        {
            // Decodes every string now: whether it can be is not asked before it is wanted.
            return JsonNode.Parse(utf8, nodeOptions: null, s_strict) is { } json ? Decoded(json) : null;
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException($"a string is not valid Unicode: {e.Message}", e);
        }
    }

    /// <summary>Checks fields and kinds of values; null with <paramref name="problems"/> where something is wrong.</summary>
    public static TenantLimits? TryCreate(JsonNode? json, out string problems)
    {
        problems = "";
        if (json is not JsonObject source)
        {
            problems = "overrides must be a JSON object";
            return null;
        }

        var reader = new LimitsReader();
        var limits = reader.Read(source);
        problems = string.Join('\n', reader.Problems);
        return problems.Length == 0 ? new TenantLimits(limits) : null;
    }

    /// <summary>As <see cref="TryCreate"/>, from text.</summary>
    public static TenantLimits? TryParse(ReadOnlySpan<byte> utf8, out string problems)
    {
        try
        {
            return TryCreate(ParseJson(utf8), out problems);
        }
        catch (JsonException e)
        {
            problems = $"this is not valid JSON: {e.Message}";
            return null;
        }
    }

    /// <summary>The part of a tenant's overrides that it could set itself, as far as it is set.</summary>
    public static TenantLimits Of(TenantOverrides overrides) => new(LimitsReader.Pick(ConfigurationPage.ToJson(overrides)));

    /// <summary>Whether an operator has set anything that the tenant could set itself, processors aside: for those the tenant's own word is meant to hold.</summary>
    public static bool IsSetIn(TenantOverrides overrides) =>
        !JsonNode.DeepEquals(Of(WithoutProcessors(overrides))._json, Of(new TenantOverrides())._json);

    /// <summary>Lays them over an operator's overrides; null with <paramref name="problems"/> where a value is not allowed, or not together with theirs.</summary>
    /// <param name="operators">What the operator has set for the tenant.</param>
    /// <param name="generator">What both are laid over, for checking what comes out.</param>
    /// <param name="problems">What is wrong, each on a line.</param>
    public TenantOverrides? Over(TenantOverrides operators, MetricsGeneratorOptions generator, out string problems)
    {
        var found = new Problems("");
        var reading = found.Result(new OverridesReader(found, generator).ReadLimits(MappingReader.Root(found, _entry), operators));
        problems = string.Join('\n', reading.Errors.Take(LimitsReader.MaxProblems).Select(e => e.Message));
        return reading.Value;
    }

    private static JsonNode Decoded(JsonNode json)
    {
        switch (json)
        {
            case JsonObject entries:
                foreach (var (_, value) in entries)
                {
                    if (value is not null)
                        Decoded(value);
                }

                break;

            case JsonArray items:
                foreach (var item in items)
                {
                    if (item is not null)
                        Decoded(item);
                }

                break;

            default:
                if (json.GetValueKind() == JsonValueKind.String)
                    json.GetValue<string>();
                break;
        }

        return json;
    }

    private static TenantOverrides WithoutProcessors(TenantOverrides overrides) =>
        overrides with { MetricsGenerator = overrides.MetricsGenerator with { Processors = [] } };

    // A block without anything in it is as good as not there.
    private static MappingNode Entry(JsonObject json)
    {
        var mapping = new MappingNode(default);
        foreach (var (name, value) in json)
        {
            if (value is not null and not JsonObject { Count: 0 })
                mapping.Add(new ScalarNode(default, name, plain: false), Node(value));
        }

        return mapping;
    }

    private static ConfigNode Node(JsonNode value)
    {
        if (value is JsonObject json)
            return Entry(json);
        if (value is not JsonArray items)
            return value.GetValueKind() == JsonValueKind.String ? new ScalarNode(default, value.GetValue<string>(), plain: false) : new ScalarNode(default, value.ToJsonString(), plain: true);

        var sequence = new SequenceNode(default);
        foreach (var item in items)
            sequence.Items.Add(Node(item!));
        return sequence;
    }
}
