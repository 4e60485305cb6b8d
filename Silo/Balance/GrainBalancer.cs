using Microsoft.Extensions.Logging;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Balance;

/// <summary>
/// Gives every silo its share of the metrics-generators and ingesters, by count. Orleans places a grain once; without this, the silos that join later would have
/// nothing to do.
/// <code>
///   every few seconds: ask all silos for their counts ─► the same plan in each ─► move some of one's own surplus, and wait until they are there
///   when it leaves:    ask the others ─► move everything, each grain to the silo that has fewest ─► only then does the silo leave the cluster
/// </code>
/// While any silo does not answer or is moving grains, nobody begins: the counts would not add up, and grains would go back and forth.
/// </summary>
internal sealed partial class GrainBalancer(ActiveGrains active, IMemberLoads members, SiloAddress here, TimeProvider time, ILogger logger)
{
    /// <summary>How often it asks.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    // Few at a time, so that most tenants go on undisturbed; a quarter where there are many, so that a new silo has its share within a minute.
    private const int FewAtATime = 4;
    private const int PartAtATime = 4;

    // A silo that leaves hurries.
    private const int LeavingAtATime = 32;

    // Grains that are placed here while others leave follow them.
    private const int LeavingRounds = 3;

    // So long the silo stays for the others' calls: what they send to where a grain was, it forwards, and says where the grain is now.
    private static readonly TimeSpan s_forwarding = TimeSpan.FromSeconds(1);

    // A grain that is not there by then ends by itself, and does not keep the others waiting.
    private static readonly TimeSpan s_longestMove = TimeSpan.FromSeconds(30);

    private static readonly GrainKind[] s_kinds = Enum.GetValues<GrainKind>();

    private volatile bool _takesGrains;
    private volatile bool _isMoving;

    /// <summary>What this silo answers when others ask.</summary>
    public MemberLoad Load => new()
    {
        Generators = active.Count(GrainKind.Generator),
        Ingesters = active.Count(GrainKind.Ingester),
        TakesGrains = _takesGrains,
        IsMoving = _isMoving,
    };

    /// <summary>Balances until cancelled; from then on the silo takes no more grains from others.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        _takesGrains = true;
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
                await BalanceAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        finally
        {
            _takesGrains = false;
        }
    }

    /// <summary>Moves all grains to the other silos, as far as possible, and forwards calls for a moment; call it when <see cref="RunAsync"/> has ended.</summary>
    public async Task LeaveAsync(CancellationToken patience)
    {
        var hasMoved = false;
        try
        {
            for (var round = 0; round < LeavingRounds && s_kinds.Sum(active.Count) > 0; round++)
            {
                var others = Taking(await members.AskAsync(patience)).Where(m => !m.Key.Equals(here)).ToList();
                if (others.Count == 0)
                    break;
                var moves = s_kinds.SelectMany(kind =>
                {
                    var grains = active.Of(kind);
                    return grains.Zip(BalancePlan.Spread(CountsOf(others, kind), grains.Count));
                }).ToList();
                LogLeaving(logger, moves.Count, others.Count);
                await MoveAsync(moves, LeavingAtATime, patience);
                hasMoved = true;
            }

            if (hasMoved)
                await Task.Delay(s_forwarding, time, patience);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
        }
    }

    /// <summary>Asks, plans and moves once.</summary>
    internal async Task BalanceAsync(CancellationToken stop)
    {
        var loads = await members.AskAsync(stop);
        if (loads.Values.Any(static load => load is null or { IsMoving: true }))
            return;
        var moves = new List<(ActiveGrain Grain, SiloAddress Target)>();
        foreach (var kind in s_kinds)
        {
            var plan = BalancePlan.Of(CountsOf(Taking(loads), kind)).Where(m => m.From.Equals(here)).ToList();
            var atATime = Math.Max(FewAtATime, plan.Sum(static m => m.Count) / PartAtATime);
            moves.AddRange(active.Of(kind).Zip(plan.SelectMany(static m => Enumerable.Repeat(m.To, m.Count)).Take(atATime)));
        }

        if (moves.Count == 0)
            return;
        _isMoving = true;
        try
        {
            LogMoving(logger, moves.Count, string.Join(", ", moves.Select(static m => m.Target).Distinct()));
            await MoveAsync(moves, moves.Count, stop);
        }
        finally
        {
            _isMoving = false;
        }
    }

    private static IEnumerable<KeyValuePair<SiloAddress, MemberLoad>> Taking(IReadOnlyDictionary<SiloAddress, MemberLoad?> loads) =>
        loads.Where(static m => m.Value is { TakesGrains: true }).Select(static m => KeyValuePair.Create(m.Key, m.Value!));

    private static IEnumerable<KeyValuePair<SiloAddress, int>> CountsOf(IEnumerable<KeyValuePair<SiloAddress, MemberLoad>> loads, GrainKind kind) =>
        loads.Select(m => KeyValuePair.Create(m.Key, kind == GrainKind.Generator ? m.Value.Generators : m.Value.Ingesters));

    private async Task MoveAsync(IReadOnlyCollection<(ActiveGrain Grain, SiloAddress Target)> moves, int atATime, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var longest = time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), patience, s_longestMove, Timeout.InfiniteTimeSpan);
        var options = new ParallelOptions { MaxDegreeOfParallelism = atATime, CancellationToken = patience.Token };
        try
        {
            await Parallel.ForEachAsync(moves, options, static async (move, cancellation) => await move.Grain.MoveAsync(move.Target, cancellation));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            LogSlow(logger, moves.Count, s_longestMove.TotalSeconds);
        }
    }

    [LoggerMessage(5011, LogLevel.Information, "Moving {Grains} grains, metrics-generators and ingesters, to silos that have fewer: {Silos}")]
    private static partial void LogMoving(ILogger logger, int grains, string silos);

    [LoggerMessage(5012, LogLevel.Information, "This silo is stopping and hands {Grains} grains, metrics-generators and ingesters, over to {Silos} other silos")]
    private static partial void LogLeaving(ILogger logger, int grains, int silos);

    [LoggerMessage(5013, LogLevel.Warning, "Of {Grains} grains that move to other silos, some have not arrived within {Seconds} s; they begin there with the next call")]
    private static partial void LogSlow(ILogger logger, int grains, double seconds);
}
