using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace OrleansTempo.Cluster;

/// <summary>Operators look messages up and alert by their IDs: each message has one of its room's range, and stands in <c>docs/logging.md</c>.</summary>
public sealed partial class LogMessageTests
{
    private static readonly string s_document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "logging.md"));

    // What this project is built with holds all product assemblies: the silo uses every one but the client, which is referenced besides.
    private static readonly (string Room, MethodInfo Method, LoggerMessageAttribute Message)[] s_messages =
    [
        .. Directory.GetFiles(AppContext.BaseDirectory, "OrleansTempo.*.dll")
            .Select(static path => Assembly.Load(Path.GetFileNameWithoutExtension(path)))
            .SelectMany(static assembly => assembly.GetTypes())
            .SelectMany(static type => type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance))
            .Where(static method => method.IsDefined(typeof(LoggerMessageAttribute)))
            .Select(static method => (Room(method.DeclaringType!), method, method.GetCustomAttribute<LoggerMessageAttribute>()!)),
    ];

    private static readonly (int First, int Last, string Room)[] s_ranges =
        [.. RangeRow().Matches(s_document).Select(static row => (Number(row.Groups[1]), Number(row.Groups[2]), row.Groups[3].Value))];

    [Fact]
    public void Every_library_that_logs_is_looked_at()
    {
        var assemblies = s_messages.Select(static m => m.Method.DeclaringType!.Assembly.GetName().Name).Distinct().Order();
        Assert.Equal(["OrleansTempo.Client", "OrleansTempo.Core", "OrleansTempo.Grains", "OrleansTempo.Server", "OrleansTempo.Silo"], assemblies);
    }

    [Fact]
    public void Ranges_do_not_overlap()
    {
        var ordered = s_ranges.OrderBy(static r => r.First).ToArray();
        Assert.NotEmpty(ordered);
        Assert.All(ordered, static r => Assert.True(r.First < r.Last, r.Room));
        Assert.All(ordered.Zip(ordered.Skip(1)), static pair => Assert.True(pair.First.Last < pair.Second.First, $"{pair.First.Room} and {pair.Second.Room}"));
    }

    [Fact]
    public void Every_message_has_an_ID_of_its_rooms_range() => Assert.Empty(s_messages
        .Where(static m => RangeOf(m.Room) is not { } range || m.Message.EventId < range.First || m.Message.EventId > range.Last)
        .Select(static m => $"{Name(m.Method)} in {m.Room}: {m.Message.EventId}"));

    [Fact]
    public void No_ID_stands_for_two_messages() => Assert.Empty(s_messages
        .GroupBy(static m => m.Message.EventId)
        .Where(static same => same.Count() > 1)
        .Select(static same => $"{same.Key}: {string.Join(", ", same.Select(static m => Name(m.Method)))}"));

    [Fact]
    public void Logging_methods_are_called_Log() =>
        Assert.Empty(s_messages.Where(static m => !LogName().IsMatch(m.Method.Name)).Select(static m => Name(m.Method)));

    [Fact]
    public void Messages_begin_with_a_capital_letter_and_end_without_a_full_stop_and_their_values_have_names_in_Pascal_case() => Assert.Empty(s_messages
        .Where(static m => !char.IsAsciiLetterUpper(m.Message.Message.FirstOrDefault()) || m.Message.Message.EndsWith('.') || LowerCaseValue().IsMatch(m.Message.Message))
        .Select(static m => $"{Name(m.Method)}: {m.Message.Message}"));

    /// <summary>What is missing there is one line each, to be put into the room's table.</summary>
    [Fact]
    public void The_document_lists_every_message_as_it_is_and_no_other()
    {
        var expected = s_messages.OrderBy(static m => m.Message.EventId).Select(static m => $"| {m.Message.EventId} | {m.Message.Level} | {m.Message.Message} |").ToArray();
        var listed = MessageRow().Matches(s_document).Select(static row => row.Value).ToArray();
        Assert.Equal("", string.Join('\n', expected.Except(listed).Select(static row => "missing: " + row).Concat(listed.Except(expected).Select(static row => "no such message: " + row))));
        Assert.Equal(expected, listed);
    }

    private static string Room(Type type) => type.Namespace!["OrleansTempo.".Length..].Replace('.', '/');

    // Core's own range is not that of a room in it: a room that begins to log gets one of its own.
    private static (int First, int Last)? RangeOf(string room) => s_ranges
        .Where(r => room == r.Room || r.Room != "Core" && room.StartsWith(r.Room + "/", StringComparison.Ordinal))
        .Select(static r => ((int, int)?)(r.First, r.Last))
        .FirstOrDefault();

    private static string Name(MethodInfo method) => $"{method.DeclaringType!.Name}.{method.Name}";

    private static int Number(Group digits) => int.Parse(digits.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\| ([0-9]{4})–([0-9]{4}) \| `([A-Za-z/.]+)` \|", RegexOptions.Multiline)]
    private static partial Regex RangeRow();

    [GeneratedRegex(@"^\| [0-9]{4} \| .* \|$", RegexOptions.Multiline)]
    private static partial Regex MessageRow();

    [GeneratedRegex("^Log[A-Z]")]
    private static partial Regex LogName();

    [GeneratedRegex(@"\{[^A-Z]")]
    private static partial Regex LowerCaseValue();
}
