using Microsoft.AspNetCore.Connections;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// Counts the requests of one connection that the client cancelled before they were answered, and closes the connection if they are more
/// than a well-behaved client cancels: each costs the server far more than the client ("rapid reset"). Kestrel has its own limit for
/// cancellations it cannot keep up with; this one is for those it can.
/// </summary>
internal sealed class CancelledRequests(ConnectionContext connection, TimeProvider time)
{
    /// <summary>The maximum per second. A client has up to 100 streams, and all may reach their deadline together.</summary>
    public const int MaxPerSecond = 200;

    private readonly Lock _lock = new();
    private long _second = time.GetTimestamp();
    private int _count;

    /// <summary>Counts a cancelled request.</summary>
    /// <returns>True for the one that closes the connection.</returns>
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
