using OrleansTempo.Core.Otlp.Json;

namespace OrleansTempo.Client;

/// <summary>A trace that the cluster found.</summary>
public sealed class TempoTrace
{
    internal TempoTrace(ReadOnlyMemory<byte> bytes, IReadOnlyList<string> problems)
    {
        Bytes = bytes;
        Problems = problems;
    }

    /// <summary>
    /// All spans that were found, as an OTLP <c>TracesData</c> message in protobuf. Empty if no span was found but not all data could be
    /// read; then <see cref="Problems"/> says what is missing.
    /// </summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>What could not be read, one sentence each: the trace may have more spans. Usually empty.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>The spans as proto3 JSON, as Tempo's query API writes them: IDs are base64, enums are names.</summary>
    public string ToJson() => OtlpJsonWriter.Format(Bytes.Span);
}
