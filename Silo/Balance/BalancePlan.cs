namespace OrleansTempo.Silo.Balance;

/// <summary>
/// Which silo gives how many of its grains to which other, so that the counts of all differ by one at most. Every silo makes the same plan from the same
/// counts, and carries out its own part. Nothing moves that need not: of silos that may have one more than the others, those with most keep it.
/// </summary>
internal static class BalancePlan
{
    /// <param name="counts">The silos that take grains, and how many each has.</param>
    public static IReadOnlyList<PlannedMoves> Of(IEnumerable<KeyValuePair<SiloAddress, int>> counts)
    {
        var silos = counts.OrderByDescending(static s => s.Value).ThenBy(static s => s.Key).ToList();
        if (silos.Count == 0)
            return [];
        var (share, more) = Math.DivRem(silos.Sum(static s => s.Value), silos.Count);
        var surplus = silos.Select((s, i) => s.Value - share - (i < more ? 1 : 0)).ToArray();
        var moves = new List<PlannedMoves>();
        var to = silos.Count - 1;
        for (var from = 0; from < silos.Count; from++)
        {
            while (surplus[from] > 0)
            {
                // Silos that have too few are at the end, the one that has fewest last.
                if (surplus[to] >= 0)
                {
                    to--;
                    continue;
                }

                var count = Math.Min(surplus[from], -surplus[to]);
                moves.Add(new PlannedMoves(silos[from].Key, silos[to].Key, count));
                surplus[from] -= count;
                surplus[to] += count;
            }
        }

        return moves;
    }

    /// <summary>The silos that take over the grains of one that leaves, each grain by the silo that has fewest by then.</summary>
    /// <param name="counts">The silos that stay, at least one, and how many each has.</param>
    /// <param name="leaving">The number of grains that need another silo.</param>
    public static IReadOnlyList<SiloAddress> Spread(IEnumerable<KeyValuePair<SiloAddress, int>> counts, int leaving)
    {
        var silos = new PriorityQueue<SiloAddress, (int Count, SiloAddress Silo)>(counts.Select(static s => (s.Key, (s.Value, s.Key))));
        var targets = new List<SiloAddress>(leaving);
        while (targets.Count < leaving)
        {
            silos.TryDequeue(out var silo, out var has);
            targets.Add(silo!);
            silos.Enqueue(silo!, (has.Count + 1, silo!));
        }

        return targets;
    }
}

/// <summary>A number of grains that move from one silo to another.</summary>
internal readonly record struct PlannedMoves(SiloAddress From, SiloAddress To, int Count);
