namespace OrleansTempo.Core.Otlp;

/// <summary>The requests under way hold all the memory they may: this one must be refused, and may come again later.</summary>
public sealed class RequestMemoryException(long maxBytes)
    : Exception($"the requests under way hold {maxBytes} bytes, all that they may (distributor.max_inflight_bytes); try again later");
