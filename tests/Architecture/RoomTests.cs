using System.Text.RegularExpressions;
using ArchUnitNET.Domain;

namespace OrleansTempo.Architecture;

/// <summary>
/// Which room of <c>Core/</c> may use which. An arrow that is not in this table is a type in the wrong room, or a decision to be made; what
/// a room's own arrows lead to may not be used through them. The compiled code shows nearly all uses; those it does not show
/// (constants, names in <c>nameof</c>) the source does, which names the room: in a <c>using</c>, or before the type's own name.
/// </summary>
public sealed partial class RoomTests
{
    private const string Core = "OrleansTempo.Core";

    // Core's root: small values that every room may use and that use no room.
    private const string Root = "";

    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        [Root] = [],
        ["Otlp"] = [],
        ["Configuration"] = [],
        ["Overrides"] = ["Configuration"],
        ["Objects"] = [],
        ["Blocks"] = ["Otlp", "Objects", "Configuration", "Overrides"],
        ["Ingester"] = ["Otlp", "Objects", "Blocks", "Configuration", "Overrides"],
        ["Generator"] = ["Otlp", "Configuration", "Overrides"],
        ["RemoteWrite"] = ["Generator", "Objects", "Configuration", "Overrides"],
        // Otlp: a life passes the batches that are pushed on to the generator that it keeps.
        ["Continuity"] = ["Otlp", "Generator", "RemoteWrite", "Objects", "Configuration", "Overrides"],
        ["Distributor"] = ["Otlp", "Ingester", "Configuration", "Overrides"],
        ["TraceQL"] = ["Otlp"],
        ["Querier"] = ["Ingester", "Blocks", "Otlp", "Objects", "Overrides"],
    };

    public static TheoryData<string> Rooms { get; } = [.. s_mayUse.Keys];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_uses_only_the_rooms_that_its_row_names(string room)
    {
        var types = Product.Types.Where(type => RoomOf(type) == room).ToList();
        Assert.True(types.Count > 0, $"there is no type in {Namespace(room)}: was the room renamed?");

        AssertNone(Wrong(room, types.SelectMany(static type => type.Dependencies).Select(static use => (use.Origin.FullName, Used: use.Target))
            .Where(static use => use.Used.FullName.StartsWith(Core + ".", StringComparison.Ordinal))
            .Select(static use => (use.FullName, use.Used.FullName, Room: RoomOf(use.Used)!))));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_rooms_source_names_only_the_rooms_that_its_row_names(string room)
    {
        var files = Product.SourceFiles.Where(file => file.StartsWith("Core/", StringComparison.Ordinal) && RoomOfFile(file) == room).ToList();
        Assert.True(files.Count > 0, $"there is no file in Core/{room}: was the room renamed?");

        AssertNone(Wrong(room, files.SelectMany(static file => NamedRoom().Matches(File.ReadAllText(Path.Combine(Product.Root, file)))
            .Select(match => (file, match.Value, Room: match.Groups["room"].Value, Name: match.Groups["name"].Value))
            .Where(static use => s_mayUse.ContainsKey(use.Room) && (use.Name.Length == 0 || IsIn(use.Room, use.Name)))
            .Select(static use => (use.file, use.Value, use.Room)))));
    }

    [Fact]
    public void Every_room_has_a_row()
    {
        Assert.Equal([], Product.Types.Select(RoomOf).OfType<string>().Distinct().Except(s_mayUse.Keys).Order());
    }

    [Fact]
    public void The_arrows_make_no_circle()
    {
        var placed = new HashSet<string>();
        for (var before = -1; placed.Count > before;)
        {
            before = placed.Count;
            placed.UnionWith(s_mayUse.Where(row => row.Value.All(placed.Contains)).Select(static row => row.Key).ToList());
        }

        Assert.Equal([], s_mayUse.Keys.Except(placed));
    }

    // xunit would show the beginning of the first few.
    private static void AssertNone(IReadOnlyList<string> wrong) => Assert.True(wrong.Count == 0, string.Join('\n', wrong));

    private static List<string> Wrong(string room, IEnumerable<(string By, string Used, string Room)> uses) =>
        [.. uses.Where(use => use.Room != room && use.Room != Root && !s_mayUse[room].Contains(use.Room))
            .Select(use => $"{Namespace(room)} may not use {Namespace(use.Room)}, but {use.By} uses {use.Used}").Distinct().Order(StringComparer.Ordinal)];

    private static string Namespace(string room) => room == Root ? Core : $"{Core}.{room}";

    // Null for what is not of the engine.
    private static string? RoomOf(IType type)
    {
        var match = InCore().Match(type.FullName);
        if (!match.Success)
            return null;
        var first = match.Groups[1].Value;
        return s_mayUse.ContainsKey(first) || Directory.Exists(Path.Combine(Product.Root, "Core", first)) ? first : Root;
    }

    // Whether a room has a folder or a file of a type of this name.
    private static bool IsIn(string room, string name)
    {
        var path = Path.Combine(Product.Root, "Core", room, name);
        return Directory.Exists(path) || File.Exists(path + ".cs");
    }

    private static string RoomOfFile(string file) => file.Split('/') is [_, var room, _, ..] ? room : Root;

    // The first name below Core, where another follows.
    [GeneratedRegex(@"^OrleansTempo\.Core\.(?:(\w+)\.)?")]
    private static partial Regex InCore();

    // By its whole name, or, as all of Core may, from its own first name on; there a property may have the name of a room.
    [GeneratedRegex(@"(?<!namespace )\bOrleansTempo\.Core\.(?<room>\w+)|(?<![\w.])(?:Core\.)?(?<room>[A-Z]\w*)\.(?<name>[A-Z]\w*)")]
    private static partial Regex NamedRoom();
}
