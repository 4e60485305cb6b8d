namespace OrleansTempo.Grains;

/// <summary>
/// Batches many small messages into few calls: a message is sent at once while few calls are in flight; otherwise messages gather for the next call.
/// Large batches, by bytes or by number, never wait. Safe to call from any thread.
/// </summary>
/// <param name="maxCalls">While fewer calls are in flight, no message waits.</param>
/// <param name="call">Sends the gathered messages; never fails.</param>
internal sealed class CallBatcher<T>(int maxCalls, Func<List<T>, Task> call)
{
    // This many bytes are worth a call of their own.
    private const int EnoughBytes = 128 << 10;
    private const int EnoughMessages = 16;

    private readonly Lock _gate = new();

    // Everything below is guarded by _gate.
    private List<T> _gathered = [];
    private int _bytes;
    private int _inFlight;

    public void Add(T message, int bytes)
    {
        List<T> messages;
        lock (_gate)
        {
            _gathered.Add(message);
            _bytes += bytes;
            if (_inFlight >= maxCalls && _bytes < EnoughBytes && _gathered.Count < EnoughMessages)
                return;
            messages = Take();
        }

        _ = CallAsync(messages);
    }

    private async Task CallAsync(List<T> messages)
    {
        while (true)
        {
            await call(messages).ConfigureAwait(false);
            lock (_gate)
            {
                _inFlight--;
                if (_gathered.Count == 0)
                    return;
                messages = Take();
            }
        }
    }

    // Under _gate.
    private List<T> Take()
    {
        var messages = _gathered;
        _gathered = [];
        _bytes = 0;
        _inFlight++;
        return messages;
    }
}
