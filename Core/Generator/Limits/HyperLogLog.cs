using System.Numerics;

namespace OrleansTempo.Core.Generator.Limits;

/// <summary>
/// How many different things have been added, estimated from their 64-bit hashes in a memory that does not grow: each of
/// 2^precision registers keeps the longest run of leading zeros among the hashes that fall to it. The relative error is
/// 1.04 / √registers (one standard deviation): 3.3 % of 2^10 registers, 1.6 % of 2^12; small numbers are counted closer than that.
/// Two sketches of one precision merge into that of all things added to either.
/// </summary>
internal sealed class HyperLogLog
{
    private const int HashBits = 64;

    // What the harmonic mean of the registers is to be multiplied with, in the limit of many: 1 / (2 ln 2).
    private const double Alpha = 0.72134752044448170368;

    private readonly int _precision;
    private readonly byte[] _registers;

    /// <param name="precision">The registers' number as a power of two, from 4 to 18; one byte each.</param>
    public HyperLogLog(int precision)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(precision, 4);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(precision, 18);
        _precision = precision;
        _registers = new byte[1 << precision];
    }

    public bool IsEmpty { get; private set; } = true;

    /// <param name="hash">Of what is added, its bits all equally likely.</param>
    public void Add(ulong hash)
    {
        ref var register = ref _registers[hash >> (HashBits - _precision)];

        // The bit put in behind ends a run that goes on to the hash's end.
        var run = (byte)(1 + BitOperations.LeadingZeroCount((hash << _precision) | (1UL << (_precision - 1))));
        if (run <= register)
            return;
        register = run;
        IsEmpty = false;
    }

    /// <summary>Adds all that was added to another sketch of the same precision.</summary>
    public void Merge(HyperLogLog other)
    {
        if (other._precision != _precision)
            throw new ArgumentException($"A sketch of precision {other._precision} cannot be merged into one of precision {_precision}.", nameof(other));
        if (other.IsEmpty)
            return;
        for (var i = 0; i < _registers.Length; i++)
            _registers[i] = Math.Max(_registers[i], other._registers[i]);
        IsEmpty = false;
    }

    /// <summary>
    /// The estimate, from how many registers hold which run: Ertl's, which needs no other method for small numbers and no table of
    /// corrections ("New cardinality estimation algorithms for HyperLogLog sketches", 2017).
    /// </summary>
    public long Estimate()
    {
        if (IsEmpty)
            return 0;
        var longest = HashBits - _precision;
        Span<int> counts = stackalloc int[longest + 2];
        counts.Clear();
        foreach (var run in _registers)
            counts[run]++;

        double registers = _registers.Length;
        var sum = registers * Full(1 - counts[longest + 1] / registers);
        for (var run = longest; run >= 1; run--)
            sum = (sum + counts[run]) / 2;
        sum += registers * Empty(counts[0] / registers);
        return (long)Math.Round(Alpha * registers * registers / sum);
    }

    // What the registers that are empty still add to the sum: share + Σ share^(2^k) · 2^(k-1).
    private static double Empty(double share)
    {
        if (share == 1)
            return double.PositiveInfinity;
        var (sum, former, weight) = (share, double.NaN, 1.0);
        while (sum != former)
        {
            share *= share;
            former = sum;
            sum += share * weight;
            weight *= 2;
        }

        return sum;
    }

    // The same for runs longer than a hash can show: (1 - share - Σ (1 - share^(2^-k))² · 2^-k) / 3.
    private static double Full(double share)
    {
        if (share is 0 or 1)
            return 0;
        var (sum, former, weight) = (1 - share, double.NaN, 1.0);
        while (sum != former)
        {
            share = Math.Sqrt(share);
            former = sum;
            weight /= 2;
            sum -= (1 - share) * (1 - share) * weight;
        }

        return sum / 3;
    }
}
