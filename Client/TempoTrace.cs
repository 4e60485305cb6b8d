using OrleansTempo.Core.Otlp.Json;

namespace OrleansTempo.Client;

/// <summary>A trace that was asked for.</summary>
public sealed class TempoTrace
{
    internal TempoTrace(ReadOnlyMemory<byte> bytes, IReadOnlyList<string> problems)
    {
        Bytes = bytes;
        Problems = problems;
    }

    /// <summary>
    /// All spans that were found, as an OTLP <c>TracesData</c> message in protobuf. Empty where none was found in what could be
    /// looked at; then <see cref="Problems"/> says what could not.
    /// </summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>What could not be looked at, a sentence each: the trace may have spans that are not here. Mostly empty.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>The spans as proto3 JSON, as Tempo's query API writes them: IDs are base64, enums are names.</summary>
    public string ToJson() => OtlpJsonWriter.Format(Bytes.Span);
}
