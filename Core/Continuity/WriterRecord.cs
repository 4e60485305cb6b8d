using System.Text.Json.Serialization;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Continuity;

/// <summary>The content of the object <c>generators/&lt;tenant>/&lt;shard></c>, which says who writes these series.</summary>
/// <param name="Owner">The owner's name, for a human, with a unique number: no two claims have the same.</param>
/// <param name="Epoch">One more with every owner, see <see cref="WriterClaim.Epoch"/>.</param>
/// <param name="State">The state of the owner.</param>
/// <param name="LastTimestampMs">The timestamp of the last collection that any owner may have sent, in Unix milliseconds; 0 for none.</param>
/// <param name="Snapshot">Whether the owner left a snapshot of this epoch when it released the claim.</param>
/// <param name="Contested">Whether it was released so soon after it was seized that the previous owner may still send.</param>
/// <param name="Waiting">Whether the owner left collections that are still to be sent; missing in records of versions that kept none.</param>
/// <param name="Unsent">The most spans that the owner has counted and not sent yet, see <see cref="WriterClaim.UnsentBound"/>; missing in records of versions that did not say.</param>
internal sealed record WriterRecord(string Owner, long Epoch, WriterState State, long LastTimestampMs, bool Snapshot, bool Contested, bool Waiting = false, long Unsent = 0)
{
    /// <summary>Stands for a record that cannot be read: its owner may be alive, and nothing else is known.</summary>
    public static readonly WriterRecord Unknown = new("", 0, WriterState.Live, 0, false, false);

    /// <summary>Whether somebody must claim the series so that they continue.</summary>
    [JsonIgnore]
    public bool NeedsOwner => State == WriterState.Live || (State == WriterState.Released && Snapshot) || Waiting;

    /// <summary>Reads a record; never fails, see <see cref="Unknown"/>.</summary>
    public static WriterRecord Read(ReadOnlySpan<byte> json) =>
        OwnerJson.Read<WriterRecord>(json) is { Epoch: > 0 and < long.MaxValue, LastTimestampMs: >= 0 } record ? record : Unknown;

    public byte[] ToJson() => OwnerJson.Write(this);
}

/// <summary>The state of the owner in a <see cref="WriterRecord"/>.</summary>
internal enum WriterState
{
    /// <summary>It is sending, or has died.</summary>
    Live,

    /// <summary>It has shut down cleanly.</summary>
    Released,

    /// <summary>It has shut down cleanly, and the tenant has nothing left that needs an owner.</summary>
    Ended,
}
