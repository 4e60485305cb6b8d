namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>
/// Tells whether the process's heap is nearly full. Accepting more then would end in an <see cref="OutOfMemoryException"/> on whichever thread asks
/// for memory next. It goes by what the last garbage collection left, since most of what is allocated in between is garbage. Safe for concurrent use.
/// </summary>
/// <param name="read">Reads what the last collection left.</param>
/// <param name="collect">Requests a collection of all generations. Refused requests allocate so little that none would happen by itself.</param>
/// <param name="shrink">Requests a collection that also returns free memory to the operating system.</param>
public sealed class HeapLoad(Func<HeapLoad.Reading> read, Action collect, Action shrink, TimeProvider time)
{
    // The rest is for requests in flight, and for everything else the process does.
    private const double FullShare = 0.8;

    // Reading allocates, and collections are rarer than requests.
    private static readonly TimeSpan s_readAgain = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan s_collectAgain = TimeSpan.FromSeconds(1);

    // Shrinks this long after the last refusal of a burst, but no more than a minute after the first: the collections' pauses stay a fraction of a percent.
    private static readonly TimeSpan s_shrinkAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_shrinkAgain = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private long? _read;
    private long? _collected;
    private volatile bool _isFull;
    private readonly long _started = time.GetTimestamp();
    private TimeSpan? _shrunk;

    // When the first refusal came that the next shrink is for.
    private TimeSpan _refused;
    private ITimer? _shrinking;

    /// <summary>This process's heap and its limit: that of the container or machine, or <c>DOTNET_GCHeapHardLimit</c>.</summary>
    public static HeapLoad OfProcess(TimeProvider time) => new(
        ReadProcess,
        static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false),
        static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true),
        time);

    /// <summary>The limit of this process's heap, in bytes.</summary>
    public static long MaxBytes { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Whether nothing more should be accepted.</summary>
    public bool IsFull()
    {
        if (!_lock.TryEnter())
            return _isFull;
        try
        {
            var now = time.GetTimestamp();
            if (_read is { } last && time.GetElapsedTime(last, now) < s_readAgain)
                return _isFull;
            _read = now;
            var heap = read();
            _isFull = heap.UsedBytes > heap.MaxBytes * FullShare;
            if (_isFull && (_collected is not { } collected || time.GetElapsedTime(collected, now) >= s_collectAgain))
            {
                _collected = now;
                collect();
            }

            return _isFull;
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>
    /// Frees what refused large requests have left behind: soon, and at most once a minute. A few of them leave gigabytes of garbage, in arrays so
    /// large that only a full collection frees them. A process that is idle afterwards allocates nothing, so no collection would happen, and it would
    /// keep the garbage for good.
    /// </summary>
    public void ShrinkSoon()
    {
        lock (_lock)
        {
            var now = time.GetElapsedTime(_started);
            if (_shrinking is null)
                _refused = now;
            else if (now - _refused > s_shrinkAgain - s_shrinkAfter)
                return;
            _shrinking ??= time.CreateTimer(static load => ((HeapLoad)load!).Shrink(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            var rest = _shrunk is { } last ? last + s_shrinkAgain - now : TimeSpan.Zero;
            _shrinking.Change(rest > s_shrinkAfter ? rest : s_shrinkAfter, Timeout.InfiniteTimeSpan);
        }
    }

    private void Shrink()
    {
        lock (_lock)
        {
            _shrinking?.Dispose();
            _shrinking = null;
            _shrunk = time.GetElapsedTime(_started);
        }

        shrink();
    }

    private static Reading ReadProcess()
    {
        var last = GC.GetGCMemoryInfo();
        return new(last.HeapSizeBytes, last.TotalAvailableMemoryBytes);
    }

    /// <param name="UsedBytes">What the last collection left.</param>
    /// <param name="MaxBytes">The heap's limit.</param>
    public readonly record struct Reading(long UsedBytes, long MaxBytes);
}
