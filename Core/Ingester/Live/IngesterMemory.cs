namespace OrleansTempo.Core.Ingester.Live;

/// <summary>
/// The memory that all ingesters of a process hold, against <c>ingester.max_memory_bytes</c>. Safe to call from any thread.
/// <code>
///   0 ───────────── half ────────────── three quarters ─────────── all of it
///                   blocks are cut early │ answers are delayed      │ pushes wait, then are refused
/// </code>
/// </summary>
public sealed class IngesterMemory(long maxBytes)
{
    private const double MaxHoldMs = 100;

    private long _held;
    private long _uncut;
    private volatile TaskCompletionSource? _room;

    /// <summary>The bytes held, including blocks that are being written.</summary>
    public long HeldBytes => Interlocked.Read(ref _held);

    public bool IsFull => HeldBytes >= maxBytes;

    /// <summary>Whether blocks should be cut before they are due. What is cut already is freed as soon as it is written.</summary>
    public bool IsShort => Interlocked.Read(ref _uncut) > maxBytes / 2;

    /// <summary>Adds to what an ingester holds; negative to subtract.</summary>
    public void Add(long held, long uncut)
    {
        Interlocked.Add(ref _uncut, uncut);
        if (Interlocked.Add(ref _held, held) < maxBytes && held < 0)
            Interlocked.Exchange(ref _room, null)?.TrySetResult();
    }

    /// <summary>How long to delay an answer so that writing blocks keeps up with receiving: not at all up to three quarters, 100 ms when everything is used.</summary>
    public TimeSpan Hold()
    {
        var fullness = (double)HeldBytes / maxBytes;
        return fullness <= 0.75 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(MaxHoldMs * Math.Pow(4 * (Math.Min(fullness, 1) - 0.75), 2)));
    }

    /// <summary>Waits until there is room; false if there was none in time.</summary>
    public async Task<bool> WaitForRoomAsync(TimeSpan patience, TimeProvider time)
    {
        using var timeout = new CancellationTokenSource(patience, time);
        while (IsFull)
        {
            var room = _room ?? NewRoom();
            if (!IsFull)
                break;
            await room.Task.WaitAsync(timeout.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (timeout.IsCancellationRequested)
                return !IsFull;
        }

        return true;
    }

    private TaskCompletionSource NewRoom()
    {
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return Interlocked.CompareExchange(ref _room, mine, null) ?? mine;
    }
}
