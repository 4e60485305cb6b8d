using Google.Protobuf;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Tests.Prometheus;

namespace OrleansTempo.Core.Tests.Continuity.Simulation;

/// <summary>What the remote end of a run accepts, in the order in which it arrives, and what is wrong with that. Out of order, it refuses as Prometheus does.</summary>
internal sealed class SimulatedRemoteEnd(SimulationCase @case, Func<bool> isAnyOutOfTime, Action<string> violated)
{
    private readonly Dictionary<string, (double Value, long TimestampMs)> _last = [];
    private readonly Dictionary<(string Name, long TimestampMs), double> _samples = [];
    private readonly HashSet<long> _accepted = [];
    private readonly SortedDictionary<long, SimulatedProcess> _collected = [];

    /// <summary>What <c>increase</c> over all time says, for each series.</summary>
    public Dictionary<string, double> Counted { get; } = [];

    /// <summary>How often something was accepted, and by whom last.</summary>
    public (int Times, SimulatedProcess? By) Last { get; private set; }

    /// <summary>Collections that were sent by another owner than the one that made them.</summary>
    public int Carried { get; private set; }

    /// <summary>How often a counter began again.</summary>
    public int Resets { get; private set; }

    /// <summary>Notes who made a collection.</summary>
    public void Collected(long timestampMs, SimulatedProcess by) => _collected.TryAdd(timestampMs, by);

    /// <summary>The newest collection of this owner that was accepted, from whomever; 0 for none. Unix milliseconds.</summary>
    public long AcceptedUpTo(SimulatedProcess process) => _collected.Where(c => c.Value == process && _accepted.Contains(c.Key)).Select(static c => c.Key).LastOrDefault();

    /// <param name="process">Who sent it.</param>
    /// <param name="isLate">Whether another owner has sent since this request was on its way.</param>
    /// <param name="request">What it sent.</param>
    /// <returns>Whether it is accepted.</returns>
    public bool TryAccept(SimulatedProcess process, bool isLate, WriteRequest request)
    {
        var isAccepted = true;
        foreach (var series in request.Timeseries)
        {
            var name = series.Labels.First(static l => l.Name == "span_name").Value;
            foreach (var sample in series.Samples)
                isAccepted &= TryTake($"{name} of process {process.Number}", name, sample, isLate);
        }

        var at = request.Timeseries.SelectMany(static s => s.Samples).Max(static s => s.Timestamp);
        if (_collected.TryGetValue(at, out var by) && by != process)
            Carried++;
        _accepted.Add(at);
        Last = (Last.Times + (Last.By == process ? 0 : 1), process);
        return isAccepted;
    }

    private bool TryTake(string whose, string name, Sample sample, bool isLate)
    {
        var (at, value) = (sample.Timestamp, sample.Value);
        if (_samples.TryGetValue((name, at), out var same))
        {
            // One that is sent again because its answer, or the note that it was sent, was lost.
            if (!same.Equals(value))
                violated($"{whose} at {at} is {value}, and {same} was sent for that time");
            return true;
        }

        var isFirst = !_last.TryGetValue(name, out var last);
        if (!isFirst && at < last.TimestampMs)
        {
            if (!isLate && !@case.StoreFails)
                violated($"{whose} at {at} comes after {last.TimestampMs}");
            return false;
        }

        _samples[(name, at)] = value;
        _last[name] = (double.IsNaN(value) ? last.Value : value, at);
        if (double.IsNaN(value))
            return true;
        if (isFirst)
        {
            // Its first 0 may have been recorded, and died with its owner.
            Counted[name] = value;
            if (value != 0 && @case.Mode != SnapshotMode.EveryCollection && !@case.StoreFails)
                violated($"{whose} at {at} begins with {value}");
            return true;
        }

        if (value < last.Value)
        {
            Resets++;
            if (@case.IsOrderly)
                violated($"{whose} at {at} goes back from {last.Value} to {value}, and every hand-over was in order");

            // The first 0 of a collection that was recorded but died with its owner is not sent again.
            else if (value != 0 && @case.Mode != SnapshotMode.EveryCollection && !(@case.StoreFails && (isAnyOutOfTime() || IsAnyLostBetween(last.TimestampMs, at))))
                violated($"{whose} at {at} goes back from {last.Value} to {value}");
        }

        Counted[name] = Counted.GetValueOrDefault(name) + (value >= last.Value ? value - last.Value : value);
        return true;
    }

    private bool IsAnyLostBetween(long afterMs, long beforeMs) => _collected.Keys.Any(at => at > afterMs && at < beforeMs && !_accepted.Contains(at));
}
