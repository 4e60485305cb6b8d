using OrleansTempo.Core.Ingester;

namespace OrleansTempo.Core.Distributor;

/// <summary>
/// Over how many of the ingester partitions one tenant's traces are spread: few for a tenant that sends little, so that its
/// requests cost few calls and its blocks are worth their name, up to all for one that sends much. It goes by what was
/// sent here lately, and needs no agreement: whatever the number was when a span came, its trace is in one of a few partitions
/// (<see cref="Candidates"/>), and a query asks those. Used by one caller at a time.
/// </summary>
/// <param name="partitions">How many there are.</param>
/// <param name="time">The clock.</param>
public sealed class PartitionSpread(int partitions, TimeProvider time)
{
    /// <summary>The spans per second that one partition is thought good for: some percent of a processor.</summary>
    public const int SpansPerSecondAndPartition = 20_000;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    // It takes as many quiet periods to go back by one step: a tenant that sends in bursts would otherwise change all the time.
    private const int QuietPeriods = 30;

    private long _begun = time.GetTimestamp();
    private long _spans;
    private int _quiet;

    /// <summary>How many partitions are in use now: 1, 2, 4, ..., or all.</summary>
    public int Partitions { get; private set; } = 1;

    /// <summary>Counts spans that are about to be spread.</summary>
    public void Count(int spans)
    {
        var elapsed = time.GetElapsedTime(_begun);
        if (elapsed >= s_period)
        {
            _quiet = Needed(_spans / elapsed.TotalSeconds) < Partitions ? _quiet + 1 : 0;
            if (_quiet >= QuietPeriods)
            {
                Partitions = Math.Max(1, Step(Partitions));
                _quiet = 0;
            }

            _begun = time.GetTimestamp();
            _spans = 0;
        }

        _spans += spans;

        // Up at once: as soon as the period has more than the partitions are good for.
        Partitions = Math.Max(Partitions, Needed(_spans));
    }

    /// <summary>The partitions in which a trace may be, whatever number of them was in use when its spans came.</summary>
    public static IReadOnlyList<int> Candidates(TraceId trace, int partitions)
    {
        var candidates = new List<int>();
        for (var used = 1; ; used *= 2)
        {
            var partition = TraceSplit.PartitionOf(trace, Math.Min(used, partitions));
            if (!candidates.Contains(partition))
                candidates.Add(partition);
            if (used >= partitions)
                return candidates;
        }
    }

    private int Needed(double spansPerSecond)
    {
        var used = 1;
        while (used < partitions && used * (double)SpansPerSecondAndPartition < spansPerSecond)
            used *= 2;
        return Math.Min(used, partitions);
    }

    // The power of two before it.
    private static int Step(int used) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)used) / 2;
}
