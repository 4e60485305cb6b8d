namespace OrleansTempo.Grains;

/// <summary>
/// Makes few calls of many small messages: a message goes at once while few calls are under way, and what comes meanwhile gathers for the next
/// one. What is large, or many, waits for no call. Safe to call from any thread.
/// </summary>
/// <param name="maxCalls">While fewer are under way nothing waits.</param>
/// <param name="call">Makes a call with what has gathered; never fails.</param>
internal sealed class CallGathering<T>(int maxCalls, Func<List<T>, Task> call)
{
    // This much is worth a call of its own.
    private const int EnoughBytes = 128 << 10;
    private const int EnoughMessages = 16;

    private readonly Lock _gate = new();

    // All below is guarded by _gate.
    private List<T> _gathered = [];
    private int _bytes;
    private int _underWay;

    public void Add(T message, int bytes)
    {
        List<T> messages;
        lock (_gate)
        {
            _gathered.Add(message);
            _bytes += bytes;
            if (_underWay >= maxCalls && _bytes < EnoughBytes && _gathered.Count < EnoughMessages)
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
                _underWay--;
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
        _underWay++;
        return messages;
    }
}
