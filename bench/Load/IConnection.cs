namespace OrleansTempo.Bench.Load;

/// <summary>One connection to the server, with one request under way at a time.</summary>
internal interface IConnection : IDisposable
{
    /// <summary>Sends a request and reads the response; true if every span was accepted. Blocks the calling thread, which belongs to the connection.</summary>
    bool Send(ReadOnlyMemory<byte> body);
}
