namespace OrleansTempo.Bench.Load;

/// <summary>One connection to the server, with one request under way at a time.</summary>
internal interface IConnection : IDisposable
{
    /// <summary>Sends a request and reads its answer; true where every span was taken. Blocks the calling thread, which is the connection's own.</summary>
    bool Send(ReadOnlyMemory<byte> body);
}
