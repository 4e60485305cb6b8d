using System.Collections.Concurrent;

namespace OrleansTempo.Core;

/// <summary>
/// Keeps a value per key, such as a tenant, for as long as it is used: entries that have not been used for a while are removed. A caller
/// looks for them once a minute. Safe for concurrent use.
/// </summary>
/// <param name="forgetAfter">How long an unused entry stays.</param>
/// <param name="time">The clock.</param>
public sealed class RecentTable<TKey, TValue>(TimeSpan forgetAfter, TimeProvider time)
    where TKey : notnull
{
    private static readonly TimeSpan s_sweepPeriod = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();
    private long _swept = time.GetTimestamp();
    private int _isSweeping;
    private int _count;

    /// <summary>Whether an unused entry may be removed.</summary>
    public Func<TValue, bool> MayForget { get; init; } = static _ => true;

    /// <summary>Called with each removed value; a caller that got it just before may still use it.</summary>
    public Action<TValue> Forgotten { get; init; } = static _ => { };

    public int Count => Volatile.Read(ref _count);

    public IEnumerable<KeyValuePair<TKey, TValue>> All => _entries.Select(static entry => KeyValuePair.Create(entry.Key, entry.Value.Value));

    /// <summary>The value of a key, without counting as a use; default if there is none.</summary>
    public TValue? Peek(TKey key) => _entries.TryGetValue(key, out var entry) ? entry.Value : default;

    /// <summary>The value of a key, which counts as a use; default if there is none.</summary>
    public TValue? Find(TKey key)
    {
        var now = Now();
        if (!_entries.TryGetValue(key, out var entry))
            return default;
        Volatile.Write(ref entry.LastUsed, now);
        return entry.Value;
    }

    /// <summary>The value of a key, created if there is none; counts as a use.</summary>
    public TValue GetOrAdd<TArgument>(TKey key, Func<TKey, TArgument, TValue> create, TArgument argument)
    {
        var now = Now();
        while (true)
        {
            if (_entries.TryGetValue(key, out var entry))
            {
                Volatile.Write(ref entry.LastUsed, now);
                return entry.Value;
            }

            entry = new Entry(create(key, argument), now);
            if (_entries.TryAdd(key, entry))
            {
                Interlocked.Increment(ref _count);
                return entry.Value;
            }

            // Another thread was faster; the value created in vain ends like a removed one.
            Forgotten(entry.Value);
        }
    }

    private long Now()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(Volatile.Read(ref _swept), now) >= s_sweepPeriod && Interlocked.Exchange(ref _isSweeping, 1) == 0)
        {
            Volatile.Write(ref _swept, now);
            Sweep(now);
            Volatile.Write(ref _isSweeping, 0);
        }

        return now;
    }

    private void Sweep(long now)
    {
        foreach (var entry in _entries)
        {
            if (time.GetElapsedTime(Volatile.Read(ref entry.Value.LastUsed), now) < forgetAfter || !MayForget(entry.Value.Value) || !_entries.TryRemove(entry))
                continue;
            Interlocked.Decrement(ref _count);
            Forgotten(entry.Value.Value);
        }
    }

    private sealed class Entry(TValue value, long lastUsed)
    {
        public readonly TValue Value = value;
        public long LastUsed = lastUsed;
    }
}
