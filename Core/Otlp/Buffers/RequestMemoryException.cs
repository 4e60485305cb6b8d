namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>There is no memory for a request: it must be refused.</summary>
public sealed class RequestMemoryException : Exception
{
    private RequestMemoryException(string message, bool canFit)
        : base(message) => CanFit = canFit;

    /// <summary>Whether the request may come again later; otherwise there is never room for it, and it is for its sender to make it smaller.</summary>
    public bool CanFit { get; }

    /// <summary>The spans that had been read of it by then.</summary>
    public int SpansRead { get; internal set; }

    /// <summary>The requests under way hold all that they may.</summary>
    internal static RequestMemoryException Full(long maxBytes) =>
        new($"the requests in flight already hold the maximum of {maxBytes} bytes (distributor.max_inflight_bytes, or a quarter of the process's memory); try again later", canFit: true);

    /// <summary>The process has nearly all the memory that it may have, whatever for.</summary>
    internal static RequestMemoryException HeapFull() =>
        new("the process's heap is nearly full; try again later, or give the process more memory", canFit: true);

    /// <summary>It would not fit if there were no other.</summary>
    internal static RequestMemoryException LargerThanAll(long neededBytes, long maxBytes) =>
        new($"the request needs {neededBytes} bytes of memory, but all requests together may hold only {maxBytes} (distributor.max_inflight_bytes, or a quarter of the process's memory); send smaller batches, or raise the limit", canFit: false);

    /// <summary>It has more in it than as many bytes can have that say anything.</summary>
    internal static RequestMemoryException TooDense(int readBytes, long maxRecordBytes, int spans, int attributes) =>
        new($"the spans, scopes, resources and attributes in the first {readBytes} bytes of the request take more than {maxRecordBytes} bytes of memory ({spans} spans, {attributes} attributes): "
            + "most of them are empty. Leave the empty ones out, or send smaller batches", canFit: false);
}
