using System.Text.Json.Serialization;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Continuity;

/// <summary>The object <c>generators/&lt;tenant>/&lt;shard></c>: who writes these series.</summary>
/// <param name="Owner">Who took it, for a human, and a number of its own: no two claims have the same.</param>
/// <param name="Epoch">One more with every owner, see <see cref="WriterClaim.Epoch"/>.</param>
/// <param name="State">What is to be expected of the owner.</param>
/// <param name="LastTimestampMs">Unix time in milliseconds of the last collection that may have been sent, by whomever; 0 for none.</param>
/// <param name="Snapshot">Whether the owner left a snapshot of this epoch when it released it.</param>
/// <param name="Contested">Whether it was released so soon after it was seized that the owner before may still send.</param>
/// <param name="Waiting">Whether the owner left collections that are still to be sent; records of versions that kept none do not say.</param>
internal sealed record WriterRecord(string Owner, long Epoch, WriterState State, long LastTimestampMs, bool Snapshot, bool Contested, bool Waiting = false)
{
    /// <summary>What stands for a record that cannot be read: whoever wrote it may be alive, and nothing else is known of it.</summary>
    public static readonly WriterRecord Unknown = new("", 0, WriterState.Live, 0, false, false);

    /// <summary>Whether its series go on only when somebody takes it.</summary>
    [JsonIgnore]
    public bool NeedsOwner => State == WriterState.Live || (State == WriterState.Released && Snapshot) || Waiting;

    /// <summary>Never fails, see <see cref="Unknown"/>.</summary>
    public static WriterRecord Read(ReadOnlySpan<byte> json) =>
        OwnerJson.Read<WriterRecord>(json) is { Epoch: > 0 and < long.MaxValue, LastTimestampMs: >= 0 } record ? record : Unknown;

    public byte[] ToJson() => OwnerJson.Write(this);
}

/// <summary>What is to be expected of the owner in a <see cref="WriterRecord"/>.</summary>
internal enum WriterState
{
    /// <summary>It sends, or has died.</summary>
    Live,

    /// <summary>It has ended in order.</summary>
    Released,

    /// <summary>It has ended in order, and the tenant has nothing any more that needs an owner.</summary>
    Ended,
}
