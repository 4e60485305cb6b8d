using Microsoft.AspNetCore.Connections;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// Counts the requests of one connection that its client gave up before they were answered, and ends the connection where they are more than a client
/// that means well gives up: each costs the server far more than the client ("rapid reset"). Kestrel has bounds of its own for what it cannot keep up
/// with; this one is for what it can.
/// </summary>
internal sealed class CancelledRequests(ConnectionContext connection, TimeProvider time)
{
    /// <summary>The most within a second. A client has up to 100 streams, and all may reach their deadline together.</summary>
    public const int MaxPerSecond = 200;

    private readonly Lock _lock = new();
    private long _second = time.GetTimestamp();
    private int _count;

    /// <summary>Counts one more.</summary>
    /// <returns>True for the one that ends the connection.</returns>
    public bool Count()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (time.GetElapsedTime(_second, now) >= TimeSpan.FromSeconds(1))
            {
                _second = now;
                _count = 0;
            }

            if (++_count != MaxPerSecond + 1)
                return false;
        }

        connection.Abort(new ConnectionAbortedException("the client cancelled too many requests"));
        return true;
    }
}
