namespace OrleansTempo.Core.Otlp.Buffers;

/// <summary>There is no memory for a request, so it must be refused.</summary>
public sealed class RequestMemoryException : Exception
{
    private RequestMemoryException(string message, bool canFit)
        : base(message) => CanFit = canFit;

    /// <summary>Whether the request would fit later. If not, it never fits, and the sender must make it smaller.</summary>
    public bool CanFit { get; }

    /// <summary>The number of spans read from the request before it was refused.</summary>
    public int SpansRead { get; internal set; }

    /// <summary>The requests in flight hold the maximum.</summary>
    internal static RequestMemoryException Full(long maxBytes) =>
        new($"the requests in flight already hold the maximum of {maxBytes} bytes (distributor.max_inflight_bytes, or a quarter of the process's memory); try again later", canFit: true);

    /// <summary>The process's heap is nearly full, whatever fills it.</summary>
    internal static RequestMemoryException HeapFull() =>
        new("the process's heap is nearly full; try again later, or give the process more memory", canFit: true);

    /// <summary>The request would not fit even if it were the only one.</summary>
    internal static RequestMemoryException LargerThanAll(long neededBytes, long maxBytes) =>
        new($"the request needs {neededBytes} bytes of memory, but all requests together may hold only {maxBytes} (distributor.max_inflight_bytes, or a quarter of the process's memory); send smaller batches, or raise the limit", canFit: false);

    /// <summary>The request holds more records than its size in bytes can justify.</summary>
    internal static RequestMemoryException TooDense(int readBytes, long maxRecordBytes, int spans, int attributes) =>
        new($"the spans, scopes, resources and attributes in the first {readBytes} bytes of the request take more than {maxRecordBytes} bytes of memory ({spans} spans, {attributes} attributes): "
            + "most of them are empty. Leave the empty ones out, or send smaller batches", canFit: false);
}
