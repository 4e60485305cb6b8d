using System.Text.Json.Serialization;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>The object <c>owner</c> of a stream: which process writes to it, or is adopting it.</summary>
/// <param name="Owner">Machine, process ID and a GUID: readable for people, and unique.</param>
/// <param name="Renewed">When the owner last renewed the record, by its clock.</param>
/// <param name="State">What to expect of the owner.</param>
/// <param name="Identity">The <see cref="WalIdentity.Id"/>, which no other living process shares; null for none.</param>
/// <param name="Silo">Which member of the cluster the owner is, see <see cref="WalMember"/>; null if it runs alone, or an earlier version wrote the record.</param>
/// <param name="IsReplaying">Whether the owner has not yet taken up, or adopted, all of the stream's records: they are in no living process so far.</param>
internal sealed record WalOwner(
    string Owner,
    DateTimeOffset Renewed,
    WalOwnerState State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Identity = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Silo = null,
    [property: JsonPropertyName("replaying"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsReplaying = false)
{
    /// <summary>Null if it is not an owner record.</summary>
    public static WalOwner? Read(ReadOnlySpan<byte> json) => OwnerJson.Read<WalOwner>(json);

    public byte[] ToJson() => OwnerJson.Write(this);
}

/// <summary>What to expect of a stream's owner.</summary>
internal enum WalOwnerState
{
    /// <summary>It renews its record; when it stops doing so, the stream is an orphan.</summary>
    Live,

    /// <summary>It stopped cleanly and left records behind: an orphan at once.</summary>
    Stopped,

    /// <summary>Another process has adopted all records; the remains of the stream only keep its old owner from writing.</summary>
    Adopted,

    /// <summary>Like <see cref="Adopted"/>, but some objects could not be read and need a human.</summary>
    Unreadable,
}
