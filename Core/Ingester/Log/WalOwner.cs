using System.Text.Json.Serialization;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>The object <c>owner</c> of a stream: which process writes to it, or takes it over.</summary>
/// <param name="Owner">Machine, process and a number of its own, for a human and to tell one's own from others'.</param>
/// <param name="Renewed">When the owner last said so, by its clock.</param>
/// <param name="State">What is to be expected of it.</param>
/// <param name="Identity">The <see cref="WalIdentity.Id"/> that the owner shares with no other living process; null where it has none.</param>
internal sealed record WalOwner(
    string Owner,
    DateTimeOffset Renewed,
    WalOwnerState State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Identity = null)
{
    /// <summary>Null where that is no owner's record.</summary>
    public static WalOwner? Read(ReadOnlySpan<byte> json) => OwnerJson.Read<WalOwner>(json);

    public byte[] ToJson() => OwnerJson.Write(this);
}

/// <summary>What is to be expected of a stream's owner.</summary>
internal enum WalOwnerState
{
    /// <summary>It renews its record; when it ceases to, the stream is an orphan.</summary>
    Live,

    /// <summary>It has ended in order and left records behind: an orphan at once.</summary>
    Stopped,

    /// <summary>All records are another's by now; what remains of the stream only keeps its old owner from writing.</summary>
    Adopted,

    /// <summary>As <see cref="Adopted"/>, but some objects could not be read, and are left to a human.</summary>
    Unreadable,
}
