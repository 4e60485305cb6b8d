using OrleansTempo.Core.Ingester;

namespace OrleansTempo.Core.Distributor;

/// <summary>
/// Decides over how many ingester partitions one tenant's traces are spread: few for a tenant that sends little, so that its requests cost few calls
/// and its blocks are not tiny, and up to all for one that sends much. It goes by what arrived here recently, and needs no agreement between
/// processes: whatever the number was when a span arrived, its trace is in one of a few partitions (<see cref="Candidates"/>), and a query asks
/// those. Used by one caller at a time.
/// </summary>
/// <param name="partitions">The number of partitions.</param>
/// <param name="time">The clock.</param>
public sealed class PartitionSpread(int partitions, TimeProvider time)
{
    /// <summary>The spans per second that one partition is meant to handle: a few percent of a processor.</summary>
    public const int SpansPerSecondPerPartition = 20_000;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    // Stepping down takes this many quiet periods; otherwise a tenant that sends in bursts would change all the time.
    private const int QuietPeriods = 30;

    private long _begun = time.GetTimestamp();
    private long _spans;
    private int _quiet;

    /// <summary>The number of partitions in use now: 1, 2, 4, ..., or all.</summary>
    public int Partitions { get; private set; } = 1;

    /// <summary>Counts spans that are about to be pushed.</summary>
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

        // Steps up at once, as soon as the period has more spans than the partitions are meant to handle.
        Partitions = Math.Max(Partitions, Needed(_spans));
    }

    /// <summary>The partitions that may hold a trace, however many were in use when its spans arrived.</summary>
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
        while (used < partitions && used * (double)SpansPerSecondPerPartition < spansPerSecond)
            used *= 2;
        return Math.Min(used, partitions);
    }

    // The next lower power of two.
    private static int Step(int used) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)used) / 2;
}
