using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Continuity;

/// <summary>
/// Which pushes a generator has counted, so that one whose answer was lost can be repeated and is still counted once. Each queue that feeds the
/// generator numbers its pushes, and has one under way at a time:
/// <code>
///   queue  ──7──► generator counts it          (the answer is lost)
///          ─ask─► 7 is counted                 the queue goes on with 8
///                 7 is not counted             the queue pushes it again
///                 nobody knows                 the previous owner crashed, and may have sent it: it is never counted again
/// </code>
/// Goes with the snapshot to the next owner. One caller at a time.
/// </summary>
public sealed class CountedPushes
{
    /// <summary>The longest that a queue asks about a push, from its first attempt on.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Far longer than any push is repeated or on its way.
    private static readonly TimeSpan s_remembered = TimeSpan.FromMinutes(15);

    private readonly Dictionary<Guid, (long Number, DateTimeOffset At)> _queues = [];

    // Pushes to a crashed owner may be asked about until then.
    private DateTimeOffset _completeFrom = DateTimeOffset.MaxValue;

    /// <summary>Notes a push that is to be counted now; false if it has been counted, or must not be counted any more.</summary>
    public bool TryCount(Guid queue, long number, DateTimeOffset now)
    {
        if (_queues.TryGetValue(queue, out var last) && number <= last.Number)
            return false;
        _queues[queue] = (number, now);
        return true;
    }

    /// <summary>Tells the state of a push that was attempted at least once. If it is <see cref="PushState.Unknown"/>, it is not counted later either.</summary>
    public PushState Ask(Guid queue, long number, DateTimeOffset now)
    {
        if (_queues.TryGetValue(queue, out var last))
            return number <= last.Number ? PushState.Counted : PushState.NotCounted;
        if (now >= _completeFrom)
            return PushState.NotCounted;
        _queues[queue] = (number, now);
        return PushState.Unknown;
    }

    /// <summary>There is nothing that a previous owner has counted and this one does not know.</summary>
    public void BeginComplete() => _completeFrom = DateTimeOffset.MinValue;

    /// <summary>A previous owner may have counted, and sent, pushes of which nothing is known, up to this time.</summary>
    public void BeginIncomplete(DateTimeOffset until) => _completeFrom = until + (2 * Patience);

    /// <summary>Continues with what a previous owner left; false if that cannot be read.</summary>
    public bool TryRestore(ReadOnlySpan<byte> left)
    {
        if (OwnerJson.Read<Left>(left) is not { } there)
            return false;
        foreach (var (queue, number, at) in there.Queues)
        {
            if (!_queues.TryGetValue(queue, out var own) || own.Number < number)
                _queues[queue] = (number, at);
        }

        _completeFrom = there.CompleteFrom;
        return true;
    }

    /// <summary>What the next owner needs.</summary>
    public byte[] Write(DateTimeOffset now)
    {
        Forget(now);
        return OwnerJson.Write(new Left(_completeFrom, [.. _queues.Select(static q => new LeftQueue(q.Key, q.Value.Number, q.Value.At))]));
    }

    /// <summary>Forgets the queues that have pushed nothing for a long time, such as those of silos that are gone.</summary>
    public void Forget(DateTimeOffset now)
    {
        foreach (var (queue, (_, at)) in _queues)
        {
            if (now - at > s_remembered)
                _queues.Remove(queue);
        }
    }

    private sealed record Left(DateTimeOffset CompleteFrom, IReadOnlyList<LeftQueue> Queues);

    private sealed record LeftQueue(Guid Queue, long Number, DateTimeOffset At);
}

/// <summary>What a generator knows about a numbered push.</summary>
public enum PushState
{
    /// <summary>It has not been counted, and can be pushed again.</summary>
    NotCounted,

    /// <summary>It has been counted.</summary>
    Counted,

    /// <summary>A previous owner that crashed may have counted and sent it, so it is never counted again.</summary>
    Unknown,
}
