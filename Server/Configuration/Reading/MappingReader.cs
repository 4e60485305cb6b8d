using System.Globalization;
using OrleansTempo.Server.Configuration.Sections;
using OrleansTempo.Server.Configuration.Yaml;

namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>
/// Reads one mapping key by key. Each method takes a key that we know and returns its value, or the fallback where the key is not
/// there or its value is wrong, which is reported; <see cref="Done"/> then reports the keys that nobody took.
/// </summary>
internal sealed class MappingReader
{
    /// <summary>The longest that may be waited for: the timers of .NET end at 49 days.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromHours(1000);

    /// <summary>The most buckets that a histogram may have.</summary>
    public const int MaxBuckets = 1000;

    private readonly Problems _problems;
    private readonly MappingNode? _node;
    private readonly SourcePosition _position;
    private readonly List<string> _known = [];
    private readonly HashSet<string> _silent = [];

    private MappingReader(Problems problems, string path, MappingNode? node, SourcePosition position)
    {
        _problems = problems;
        Path = path;
        _node = node;
        _position = position;
    }

    /// <summary>Whether the mapping is in the file at all, even with nothing in it.</summary>
    public bool Present { get; private init; }

    /// <summary>From the root, with dots; empty for the root.</summary>
    public string Path { get; }

    public SourcePosition Position => _position;

    public static MappingReader Root(Problems problems, MappingNode? node) => new(problems, "", node, node?.Position ?? default) { Present = node is not null };

    public static MappingReader Item(Problems problems, string path, ConfigNode node)
    {
        if (node is not MappingNode && !node.IsNull)
            problems.Error(node.Position, $"{path} must be a mapping, this is {node.Kind}");
        return new MappingReader(problems, path, node as MappingNode, node.Position) { Present = true };
    }

    public string PathOf(string key) => Path.Length == 0 ? key : $"{Path}.{key}";

    public bool Has(string key) => _node?.Find(key) is { } entry && !entry.Value.IsNull;

    public void Error(string key, string message) => _problems.Error(PositionOf(key), $"{PathOf(key)}: {message}");

    public void Warn(string key, string message) => _problems.Warn(PositionOf(key), $"{PathOf(key)}: {message}");

    /// <summary>The same with other keys in the mapping, whose places the nodes say themselves.</summary>
    public MappingReader Rewritten(Func<MappingNode, MappingNode> rewrite) => new(_problems, Path, _node is null ? null : rewrite(_node), _position) { Present = Present };

    /// <summary>The keys that are in the file.</summary>
    public IEnumerable<string> Keys => _node?.Entries.Select(e => e.Key.Value) ?? [];

    public MappingReader Mapping(string key)
    {
        var node = Take(key);
        if (node is null)
        {
            // A key without a value is there, and says that nothing differs.
            var present = _node?.Find(key) is not null;
            return new MappingReader(_problems, PathOf(key), null, PositionOf(key)) { Present = present };
        }

        if (node is MappingNode mapping)
            return new MappingReader(_problems, PathOf(key), mapping, PositionOf(key)) { Present = true };

        Error(key, $"must be a mapping, this is {node.Kind}");
        return new MappingReader(_problems, PathOf(key), null, node.Position) { Present = true };
    }

    public string String(string key, string fallback) => Scalar(key)?.Value ?? fallback;

    public string? OptionalString(string key) => Scalar(key)?.Value;

    public bool Bool(string key, bool fallback) => OptionalBool(key) ?? fallback;

    public bool? OptionalBool(string key) => Scalar(key) is { } scalar
        ? Parsed<bool?>(key, scalar.Value, null, "true or false", value => value.ToLowerInvariant() switch
        {
            "true" or "yes" or "on" or "y" => true,
            "false" or "no" or "off" or "n" => false,
            _ => null,
        })
        : null;

    public long? OptionalLong(string key, long min = 0, long max = long.MaxValue) => Scalar(key) is { } scalar
        ? Parsed<long?>(key, scalar.Value, null, $"a whole number {Range(min, max)}", value => TryLong(value, out var number) && number >= min && number <= max ? number : null)
        : null;

    /// <summary>A Go duration, not negative.</summary>
    public TimeSpan? OptionalDuration(string key, TimeSpan? min = null, TimeSpan? max = null) => Scalar(key) is { } scalar
        ? Parsed<TimeSpan?>(key, scalar.Value, null, DurationAllowed(GoDuration.Allowed, min, max), value => GoDuration.TryParse(value, out var duration) && InRange(duration, min, max) ? duration : null)
        : null;

    /// <summary>A Go duration within bounds, or 0 for <paramref name="fallback"/>, as in Tempo where 0 is as good as not written.</summary>
    public TimeSpan DurationOrZero(string key, TimeSpan fallback, TimeSpan? min = null, TimeSpan? max = null) => Scalar(key) is { } scalar
        ? Parsed<TimeSpan?>(key, scalar.Value, fallback, DurationAllowed(GoDuration.Allowed, min, max), value => !GoDuration.TryParse(value, out var duration) ? null
            : duration == TimeSpan.Zero ? fallback
            : InRange(duration, min, max) ? duration : null)!.Value
        : fallback;

    /// <summary>A Prometheus duration, for the keys that Tempo reads with Prometheus' own parser.</summary>
    public TimeSpan? OptionalPrometheusDuration(string key, TimeSpan? min = null, TimeSpan? max = null) => Scalar(key) is { } scalar
        ? Parsed<TimeSpan?>(key, scalar.Value, null, DurationAllowed(GoDuration.PrometheusAllowed, min, max), value => GoDuration.TryParsePrometheus(value, out var duration) && InRange(duration, min, max) ? duration : null)
        : null;

    public T Choice<T>(string key, T fallback, IReadOnlyList<(string Word, T Value)> choices, bool ignoreCase = false)
    {
        if (Scalar(key) is not { } scalar)
            return fallback;

        foreach (var (word, value) in choices)
        {
            if (string.Equals(word, scalar.Value, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
                return value;
        }

        Error(key, $"{Spelling.Quote(scalar.Value)} is not known{Spelling.Suggest(scalar.Value, [.. choices.Select(c => c.Word).Where(w => w.Length > 0)])}");
        return fallback;
    }

    /// <summary>A value with a grammar of its own; null from <paramref name="parse"/> is reported with what is allowed.</summary>
    public T? OptionalValue<T>(string key, string allowed, Func<string, T?> parse)
        where T : struct => Scalar(key) is { } scalar ? Parsed<T?>(key, scalar.Value, null, allowed, parse) : null;

    public ScalarNode? Scalar(string key)
    {
        var node = Take(key);
        if (node is null or ScalarNode)
            return node as ScalarNode;

        Error(key, $"must be a single value, this is {node.Kind}");
        return null;
    }

    /// <summary>The list's items with their paths; null where the key is not there.</summary>
    public IReadOnlyList<(string Path, ConfigNode Node)>? Items(string key)
    {
        var node = Take(key);
        if (node is null)
            return null;
        if (node is SequenceNode sequence)
            return [.. sequence.Items.Select((item, i) => ($"{PathOf(key)}[{i}]", item))];

        Error(key, $"must be a list, this is {node.Kind}");
        return null;
    }

    /// <summary>The list's texts; null where the key is not there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="problemOf">What is wrong with a text, which is reported; null where nothing is.</param>
    public IReadOnlyList<string>? Strings(string key, Func<string, string?>? problemOf = null)
    {
        if (Items(key) is not { } items)
            return null;

        var texts = new List<string>(items.Count);
        foreach (var (path, node) in items)
        {
            if (ItemText(path, node) is not { } text)
                continue;
            if (problemOf?.Invoke(text) is { } problem)
                _problems.Error(node.Position, $"{path}: {problem}");
            texts.Add(text);
        }

        return texts;
    }

    /// <summary>Finite numbers, each greater than the one before.</summary>
    public IReadOnlyList<double>? Buckets(string key)
    {
        if (Items(key) is not { } items)
            return null;

        if (items.Count > MaxBuckets)
            Error(key, $"has {items.Count} buckets; at most {MaxBuckets} are allowed, each being a series more of every label set");

        var buckets = new List<double>(items.Count);
        foreach (var (path, node) in items)
        {
            if (ItemText(path, node) is not { } text)
                continue;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var bound) || !double.IsFinite(bound))
                _problems.Error(node.Position, $"{path}: {Spelling.Quote(text)} is not a number of seconds; +Inf is added by itself");
            else if (buckets.Count > 0 && bound <= buckets[^1])
                _problems.Error(node.Position, $"{path}: {text} is not greater than the {buckets[^1].ToString(CultureInfo.InvariantCulture)} before it; buckets must ascend");
            else
                buckets.Add(bound);
        }

        return buckets;
    }

    /// <summary>Names and texts that the user chooses, as in <c>external_labels</c>; null where the key is not there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="names">How names compare; by their letters if null.</param>
    public IReadOnlyDictionary<string, string>? Map(string key, StringComparer? names = null)
    {
        if (Nodes(key) is not { } entries)
            return null;

        var map = new Dictionary<string, string>(names);
        foreach (var (name, node) in entries)
        {
            if (node.IsNull)
                map[name] = "";
            else if (ItemText($"{PathOf(key)}.{name}", node) is { } text)
                map[name] = text;
        }

        return map;
    }

    /// <summary>As <see cref="Map"/>, with whatever the user's names hold.</summary>
    public IReadOnlyList<(string Name, ConfigNode Node)>? Nodes(string key)
    {
        var node = Take(key);
        if (node is null)
            return null;
        if (node is MappingNode mapping)
            return [.. mapping.Entries.Select(e => (e.Key.Value, e.Value))];

        Error(key, $"must be a mapping, this is {node.Kind}");
        return null;
    }

    /// <summary>Keys that Tempo has and that mean nothing here: a warning each, whatever they hold.</summary>
    public void Unused(string why, params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            _silent.Add(key);
            if (Take(key) is not null)
                Warn(key, why);
        }
    }

    /// <summary>A key whose value is taken elsewhere but has no effect yet.</summary>
    public void Ineffective(string key, string why)
    {
        if (Has(key))
            Warn(key, why);
    }

    /// <summary>A key that would change what comes out, and that we do not have: an error unless it is set to one of the harmless values.</summary>
    public void Refuse(string key, string why, params ReadOnlySpan<string> harmless)
    {
        _silent.Add(key);
        var node = Take(key);
        if (node is null or SequenceNode { Items.Count: 0 } or MappingNode { Entries.Count: 0 })
            return;
        if (node is ScalarNode scalar && harmless.Contains(scalar.Value))
            return;

        Error(key, node is ScalarNode { Value: var value } ? $"{Spelling.Quote(value)}: {why}" : why);
    }

    /// <summary>Reports the keys that nobody took.</summary>
    public void Done() => Done(static _ => null);

    /// <summary>Reports the keys that nobody took; <paramref name="explain"/> may know better than "unknown".</summary>
    public void Done(Func<string, string?> explain)
    {
        foreach (var (key, _) in _node?.Entries ?? [])
        {
            if (_known.Contains(key.Value))
                continue;

            var why = explain(key.Value)
                ?? RemovedKeys.Explain(PathOf(key.Value))
                ?? $"unknown key{Spelling.Suggest(key.Value, [.. _known.Where(k => !_silent.Contains(k))])}";
            _problems.Error(key.Position, $"{PathOf(key.Value)}: {why}");
        }
    }

    /// <summary>Says that somebody takes the key, before or after this.</summary>
    public void Know(string key)
    {
        if (!_known.Contains(key))
            _known.Add(key);
    }

    private ConfigNode? Take(string key)
    {
        Know(key);
        return _node?.Find(key) is { } entry && !entry.Value.IsNull ? entry.Value : null;
    }

    private SourcePosition PositionOf(string key) => _node?.Find(key) is { } entry
        ? entry.Value is ScalarNode { IsNull: false } scalar ? scalar.Position : entry.Key.Position
        : _position;

    private T Parsed<T>(string key, string text, T fallback, string allowed, Func<string, T?> parse)
    {
        if (parse(text) is { } value)
            return value;

        Error(key, $"{Spelling.Quote(text)} is not allowed; it must be {allowed}");
        return fallback;
    }

    private string? ItemText(string path, ConfigNode node)
    {
        if (node is ScalarNode scalar)
            return scalar.IsNull ? "" : scalar.Value;

        _problems.Error(node.Position, $"{path} must be a single value, this is {node.Kind}");
        return null;
    }

    // As Go's YAML reads an integer: underscores, hexadecimal, and 1e6.
    private static bool TryLong(string text, out long number)
    {
        var digits = text.Replace("_", "");
        if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number))
            return true;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return long.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
        if (double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && real == Math.Floor(real) && Math.Abs(real) < 1L << 53)
        {
            number = (long)real;
            return true;
        }

        return false;
    }

    private static string Range(long min, long max) => max is long.MaxValue or int.MaxValue ? $"of at least {min}" : $"from {min} to {max}";

    private static bool InRange(TimeSpan value, TimeSpan? min, TimeSpan? max) => value >= (min ?? TimeSpan.Zero) && value <= (max ?? TimeSpan.MaxValue);

    private static string DurationAllowed(string grammar, TimeSpan? min, TimeSpan? max) => (min, max) switch
    {
        (_, { } high) => $"{grammar}, from {GoDuration.Format(min ?? TimeSpan.Zero)} to {GoDuration.Format(high)}",
        ({ } low, null) => $"{grammar}, at least {GoDuration.Format(low)}",
        _ => $"{grammar}, not negative",
    };
}
