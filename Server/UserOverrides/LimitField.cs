using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.UserOverrides;

/// <summary>One field of a tenant's limits.</summary>
/// <param name="Name">As in JSON.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Fields">What an object, or each of a list of objects, may have, in the order of writing.</param>
/// <remarks>
/// How large a value may be is far more than anybody needs, and little enough that no tenant makes its spans cost many times what others' do.
/// </remarks>
internal sealed record LimitField(string Name, LimitKind Kind, params LimitField[] Fields)
{
    /// <summary>The longest text, in bytes of UTF-8, be it a value or a name that the user chooses.</summary>
    public const int MaxTextBytes = 1024;

    /// <summary>How many items a list or a map may have.</summary>
    public int MaxItems { get; init; } = 50;

    /// <summary>The greatest number, where it is one.</summary>
    public double MaxNumber { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// All that a tenant may set for itself, as Tempo's <c>/api/overrides</c> takes it: the overrides that say <see cref="SetByTenantAttribute"/>, and two that Tempo
    /// has. What is not among it, such as how much a tenant may send, is the operator's alone.
    /// </summary>
    public static LimitField Root { get; } = new(
        "",
        LimitKind.Block,
        [
            new("forwarders", LimitKind.Texts),
            new("cost_attribution", LimitKind.Block, new LimitField("dimensions", LimitKind.TextMap)),
            .. SetIn(typeof(TenantOverrides)),
        ]);

    /// <summary>The field of this name within this object; null where it has none.</summary>
    public LimitField? Find(string name) => Array.Find(Fields, field => field.Name == name);

    private static LimitField[] SetIn(Type overrides) =>
        [.. OptionTable.Of(overrides).Where(static option => option.SetByTenant is not null).OrderBy(static option => option.SetByTenant!.Place).Select(static option => Of(option, isInGroup: false))];

    private static LimitField Of(DeclaredOption option, bool isInGroup)
    {
        var bounds = option.SetByTenant ?? new SetByTenantAttribute();
        var (kind, fields) = KindOf(option.Type, isInGroup);
        return new LimitField(option.Key, kind, fields) { MaxItems = bounds.MaxItems, MaxNumber = bounds.MaxNumber };
    }

    private static (LimitKind Kind, LimitField[] Fields) KindOf(Type type, bool isInGroup)
    {
        if (type == typeof(bool))
            return (LimitKind.Flag, []);
        if (type == typeof(TimeSpan))
            return (LimitKind.Duration, []);
        if (type == typeof(string) || type.IsEnum)
            return (LimitKind.Text, []);
        if (type == typeof(int) || type == typeof(long) || type == typeof(double))
            return (LimitKind.Number, []);
        if (type == typeof(object))
            return (LimitKind.Scalar, []);
        if (type == typeof(IReadOnlyList<string>))
            return (LimitKind.Texts, []);
        if (type == typeof(IReadOnlyList<double>))
            return (LimitKind.Numbers, []);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            return (LimitKind.Groups, InGroup(type.GetGenericArguments()[0]));
        if (isInGroup)
            return (LimitKind.Group, InGroup(type));
        return OptionTable.Of(type).All(static option => option.Type == typeof(bool)) ? (LimitKind.FlagMap, []) : (LimitKind.Block, SetIn(type));
    }

    private static LimitField[] InGroup(Type type) => [.. OptionTable.Of(type).Select(static option => Of(option, isInGroup: true))];
}

/// <summary>What a field of a tenant's limits holds, in JSON.</summary>
internal enum LimitKind
{
    /// <summary>An object of known fields that is always written, with nothing in it if need be, as Tempo does.</summary>
    Block,

    /// <summary>An object of known fields that is written where it was given.</summary>
    Group,

    /// <summary>A list of objects of known fields.</summary>
    Groups,

    Flag,
    Number,
    Numbers,
    Text,
    Texts,

    /// <summary>An object whose names the user chooses, with texts.</summary>
    TextMap,

    /// <summary>As <see cref="TextMap"/>, with flags.</summary>
    FlagMap,

    /// <summary>A Go duration, or a number of nanoseconds.</summary>
    Duration,

    /// <summary>A text, a number or a flag.</summary>
    Scalar,
}
