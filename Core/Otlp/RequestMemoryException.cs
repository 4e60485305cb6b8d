namespace OrleansTempo.Core.Otlp;

/// <summary>There is no memory for a request: it must be refused, and may come again later.</summary>
public sealed class RequestMemoryException(string message) : Exception(message);
