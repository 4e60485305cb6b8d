namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>
/// Tells whether the process's heap is nearly full. Accepting more then would end in an <see cref="OutOfMemoryException"/> on whichever thread asks
/// for memory next. It goes by what the last garbage collection left, since most of what is allocated in between is garbage. Safe for concurrent use.
/// </summary>
/// <param name="read">Reads what the last collection left.</param>
/// <param name="collect">Requests a collection of all generations. Refused requests allocate so little that none would happen by itself.</param>
public sealed class HeapLoad(Func<HeapLoad.Reading> read, Action collect, TimeProvider time)
{
    // The rest is for requests in flight, and for everything else the process does.
    private const double FullShare = 0.8;

    // Reading allocates, and collections are rarer than requests.
    private static readonly TimeSpan s_readAgain = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan s_collectAgain = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private long? _read;
    private long? _collected;
    private volatile bool _isFull;

    /// <summary>This process's heap and its limit: that of the container or machine, or <c>DOTNET_GCHeapHardLimit</c>.</summary>
    public static HeapLoad OfProcess(TimeProvider time) => new(ReadProcess, static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false), time);

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

    private static Reading ReadProcess()
    {
        var last = GC.GetGCMemoryInfo();
        return new(last.HeapSizeBytes, last.TotalAvailableMemoryBytes);
    }

    /// <param name="UsedBytes">What the last collection left.</param>
    /// <param name="MaxBytes">The heap's limit.</param>
    public readonly record struct Reading(long UsedBytes, long MaxBytes);
}
