namespace OrleansTempo.Client;

/// <summary>The bytes are not an OTLP <c>ExportTraceServiceRequest</c> in protobuf; the message says where they go wrong.</summary>
public sealed class TempoMalformedException : TempoException
{
    internal TempoMalformedException(string message)
        : base(message)
    {
    }
}
