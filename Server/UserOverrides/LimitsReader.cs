using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.UserOverrides;

/// <summary>
/// Reads the JSON of a tenant's limits into the one form in which they are kept and answered: known fields in Tempo's order, what is
/// null left out, blocks always there, durations as Go prints them. What is wrong is collected.
/// </summary>
internal sealed class LimitsReader
{
    /// <summary>More are not told: an answer must not be larger than its request.</summary>
    public const int MaxProblems = 20;

    private readonly List<string> _problems = [];

    /// <summary>What is wrong, each with the path of its field.</summary>
    public IReadOnlyList<string> Problems => _problems;

    public JsonObject Read(JsonObject limits) => ReadObject(limits, LimitField.Root, "");

    /// <summary>As <see cref="Read"/>, of an object in which there is more than limits: the more is left out.</summary>
    public static JsonObject Pick(JsonObject all) => Pick(all, LimitField.Root);

    private JsonObject ReadObject(JsonObject source, LimitField of, string path)
    {
        foreach (var (name, _) in source)
        {
            if (of.Find(name) is null)
                Complain($"{path}{name}: unknown field{Spelling.Suggest(name, [.. of.Fields.Select(f => f.Name)])}");
        }

        var result = new JsonObject();
        foreach (var field in of.Fields)
        {
            var value = source[field.Name];
            var at = path + field.Name;
            if (field.Kind == LimitKind.Block)
                result[field.Name] = ReadObject(AsObject(value, at) ?? [], field, at + ".");
            else if (value is not null && ReadValue(value, field, at) is { } read)
                result[field.Name] = read;
        }

        return result;
    }

    private JsonNode? ReadValue(JsonNode value, LimitField field, string path) => field.Kind switch
    {
        LimitKind.Group => AsObject(value, path) is { } group ? ReadObject(group, field, path + ".") : null,
        LimitKind.Groups => ReadItems(value, field, path, "a list of objects", (item, at) => AsObject(item, at) is { } group ? ReadObject(group, field, at + ".") : null),
        LimitKind.Flag => Only(value, path, "true or false", JsonValueKind.True, JsonValueKind.False),
        LimitKind.Number => ReadNumber(value, field, path),
        LimitKind.Numbers => ReadItems(value, field, path, "a list of numbers", (item, at) => Only(item, at, "a number", JsonValueKind.Number)),
        LimitKind.Text => ReadText(value, path),
        LimitKind.Texts => ReadItems(value, field, path, "a list of strings", ReadText),
        LimitKind.TextMap => ReadMap(value, field, path, ReadText),
        LimitKind.FlagMap => ReadMap(value, field, path, (item, at) => Only(item, at, "true or false", JsonValueKind.True, JsonValueKind.False)),
        LimitKind.Duration => ReadDuration(value, path),
        LimitKind.Scalar when value.GetValueKind() == JsonValueKind.String => ReadText(value, path),
        _ => Only(value, path, "a string, a number, true or false", JsonValueKind.String, JsonValueKind.Number, JsonValueKind.True, JsonValueKind.False),
    };

    private JsonArray? ReadItems(JsonNode value, LimitField field, string path, string allowed, Func<JsonNode?, string, JsonNode?> read)
    {
        if (value is not JsonArray items)
        {
            Complain($"{path}: must be {allowed}");
            return null;
        }

        return AreFew(items.Count, field, path) ? [.. items.Select((item, i) => read(item, $"{path}[{i}]"))] : null;
    }

    private JsonObject? ReadMap(JsonNode value, LimitField field, string path, Func<JsonNode?, string, JsonNode?> read)
    {
        if (AsObject(value, path) is not { } map || !AreFew(map.Count, field, path))
            return null;
        var result = new JsonObject();
        foreach (var (name, item) in map)
        {
            if (IsShort(name, path))
                result[name] = read(item, $"{path}.{name}");
        }

        return result;
    }

    private JsonNode? ReadText(JsonNode? value, string path) =>
        Only(value, path, "a string", JsonValueKind.String) is { } text && IsShort(text.GetValue<string>(), path) ? text : null;

    private JsonNode? ReadNumber(JsonNode value, LimitField field, string path)
    {
        var number = Only(value, path, "a number", JsonValueKind.Number);
        if (number is not null && number.GetValue<double>() > field.MaxNumber)
            Complain($"{path}: {Spelling.Quote(value.ToJsonString())} is too many; at most {field.MaxNumber} are allowed");
        return number;
    }

    private bool AreFew(int items, LimitField field, string path)
    {
        if (items <= field.MaxItems)
            return true;
        Complain($"{path}: has {items} items; at most {field.MaxItems} are allowed");
        return false;
    }

    private bool IsShort(string text, string path)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes <= LimitField.MaxTextBytes)
            return true;
        Complain($"{path}: {Spelling.Quote(text)} has {bytes} bytes; at most {LimitField.MaxTextBytes} are allowed");
        return false;
    }

    private JsonValue? ReadDuration(JsonNode value, string path)
    {
        const double nanosecondsPerTick = 100;
        TimeSpan? duration = null;
        if (value.GetValueKind() == JsonValueKind.String && GoDuration.TryParse(value.GetValue<string>(), out var parsed))
            duration = parsed;
        else if (value.GetValueKind() == JsonValueKind.Number && value.GetValue<double>() / nanosecondsPerTick is var ticks && Math.Abs(ticks) < long.MaxValue)
            duration = TimeSpan.FromTicks((long)ticks);
        if (duration is { } found)
            return JsonValue.Create(GoDuration.ToGoString(found));

        Complain($"{path}: {Spelling.Quote(value.ToJsonString())} is not a duration; allowed: {GoDuration.Allowed} as a string, or a number of nanoseconds");
        return null;
    }

    private JsonObject? AsObject(JsonNode? value, string path)
    {
        if (value is not null and not JsonObject)
            Complain($"{path}: must be an object");
        return value as JsonObject;
    }

    private JsonNode? Only(JsonNode? value, string path, string allowed, params ReadOnlySpan<JsonValueKind> kinds)
    {
        if (value is not null && kinds.Contains(value.GetValueKind()))
            return value.DeepClone();
        Complain($"{path}: must be {allowed}");
        return null;
    }

    private void Complain(string problem)
    {
        if (_problems.Count < MaxProblems)
            _problems.Add(problem);
    }

    private static JsonObject Pick(JsonObject source, LimitField of)
    {
        var result = new JsonObject();
        foreach (var field in of.Fields)
        {
            if (field.Kind == LimitKind.Block)
                result[field.Name] = Pick(source[field.Name] as JsonObject ?? [], field);
            else if (source[field.Name] is { } value)
                result[field.Name] = value.DeepClone();
        }

        return result;
    }
}
