using System.Text;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>One condition of a filter policy: on the span's kind, status or name, or on the first attribute with a key.</summary>
internal sealed class SpanCondition
{
    private readonly Target _target;
    private readonly byte[] _key;
    private readonly object _value;
    private readonly byte[] _text;
    private readonly Re2? _regex;
    private bool? _ofResource;

    private SpanCondition(Target target, string key, object value, Re2? regex)
    {
        _target = target;
        _key = Encoding.UTF8.GetBytes(key);
        _value = value;
        _text = value is string text ? Encoding.UTF8.GetBytes(text) : [];
        _regex = regex;
    }

    private enum Target
    {
        Kind,
        Status,
        Name,
        Resource,
        Span,
    }

    /// <exception cref="ArgumentException">The key, the value or the regular expression is not valid.</exception>
    public static SpanCondition Create(PolicyMatchType matchType, PolicyAttributeOptions attribute)
    {
        var (target, key) = ParseKey(attribute.Key);
        Re2? regex = null;
        if (matchType == PolicyMatchType.Regex)
        {
            if (attribute.Value is not string pattern)
                throw new ArgumentException($"filter policy value of {attribute.Key} is not a regular expression: {attribute.Value}");
            if (!Re2.TryCompile(pattern, out regex, out var error))
                throw new ArgumentException($"filter policy regular expression '{pattern}' is not valid: {error}");
        }
        else if (target is Target.Kind or Target.Status)
        {
            var allowed = target == Target.Kind ? SpanEnumNames.Kinds : SpanEnumNames.StatusCodes;
            if (attribute.Value is not string name || !allowed.Contains(name))
                throw new ArgumentException($"filter policy value of {attribute.Key} is '{attribute.Value}'; allowed are {string.Join(", ", allowed)}");
        }
        else if (target == Target.Name && attribute.Value is not string)
        {
            throw new ArgumentException($"filter policy value of name is not a string: {attribute.Value}");
        }

        return new SpanCondition(target, key, attribute.Value, regex);
    }

    /// <summary>Called before the spans of a resource.</summary>
    public void BeginResource(SpanBatch batch, int resource)
    {
        if (_target == Target.Resource)
            _ofResource = MatchesFirst(batch.Bytes, batch.Attributes(batch.Resources[resource]));
    }

    public bool Matches(SpanBatch batch, in SpanRecord span)
    {
        switch (_target)
        {
            case Target.Kind:
                return MatchesName(SpanEnumNames.Of(span.Kind));
            case Target.Status:
                return MatchesName(SpanEnumNames.Of(span.Status));
            case Target.Name:
                return MatchesText(batch.Bytes.Slice(span.Name.Offset, span.Name.Length));
            case Target.Resource:
                return _ofResource ?? MatchesFirst(batch.Bytes, batch.Attributes(batch.Resources[span.Resource]));
            default:
                return MatchesFirst(batch.Bytes, batch.Attributes(span));
        }
    }

    private static (Target Target, string Key) ParseKey(string key)
    {
        return key switch
        {
            "kind" or "span:kind" => (Target.Kind, ""),
            "status" or "span:status" => (Target.Status, ""),
            "name" or "span:name" => (Target.Name, ""),
            _ when key.StartsWith("resource.", StringComparison.Ordinal) && key.Length > 9 => (Target.Resource, Unquote(key[9..])),
            _ when key.StartsWith("span.", StringComparison.Ordinal) && key.Length > 5 => (Target.Span, Unquote(key[5..])),
            _ => throw new ArgumentException($"filter policy key '{key}' is not supported; allowed are kind, status, name, resource.KEY and span.KEY"),
        };

        static string Unquote(string text) => text.Length > 2 && text[0] == '"' && text[^1] == '"' ? text[1..^1] : text;
    }

    private bool MatchesName(string name) => _regex is null ? name == (string)_value : _regex.IsMatch(name);

    private bool MatchesText(ReadOnlySpan<byte> text) =>
        _regex is null ? text.SequenceEqual(_text) : _regex.IsMatch(Encoding.UTF8.GetString(text));

    // As in Tempo, only the first attribute with the key counts, and a value of another type counts as the zero of the wanted type.
    private bool MatchesFirst(ReadOnlySpan<byte> bytes, ReadOnlySpan<AttributeRecord> attributes)
    {
        foreach (ref readonly var attribute in attributes)
        {
            if (!bytes.Slice(attribute.Key.Offset, attribute.Key.Length).SequenceEqual(_key))
                continue;
            var content = bytes.Slice(attribute.Value.Offset, attribute.Value.Length);
            if (_regex is not null)
                return _regex.IsMatch(attribute.Kind == AttributeKind.String ? Encoding.UTF8.GetString(content) : "");
            return _value switch
            {
                string => (attribute.Kind == AttributeKind.String ? content : default).SequenceEqual(_text),
                long number => number == (attribute.Kind == AttributeKind.Int ? (long)ProtoWire.ReadVarint(content) : 0),
                double number => number == (attribute.Kind == AttributeKind.Double ? AttributeText.ReadDouble(content) : 0),
                bool flag => flag == (attribute.Kind == AttributeKind.Bool && ProtoWire.ReadVarint(content) != 0),
                _ => false,
            };
        }

        return false;
    }
}
