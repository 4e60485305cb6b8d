using System.IO.Pipelines;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Receivers;

/// <summary>A request's body as it is sent, by what the protocol says of it in front.</summary>
/// <param name="Reader">From where it comes.</param>
/// <param name="Coding">How it is compressed; null for not at all.</param>
/// <param name="Length">How many bytes are sent; null where it is not said.</param>
internal readonly record struct SentBody(PipeReader Reader, ContentCoding? Coding, long? Length)
{
    /// <summary>How many bytes it must have, neither more nor fewer, at most the limit; null where it ends where it ends.</summary>
    public int? ExactLength { get; init; }

    /// <summary>Whether it is OTLP's JSON; otherwise it is protobuf.</summary>
    public bool IsJson { get; init; }
}

/// <summary>A request's body when all of it has come.</summary>
/// <param name="Bytes">The content in protobuf, which is the reader's; null where there is none.</param>
/// <param name="Status">Why there is none.</param>
/// <param name="SentBytes">How many bytes had come, as sent.</param>
/// <param name="Error">What is wrong with the text, in a sentence, where it is not OTLP's JSON.</param>
internal readonly record struct ReceivedBody(RequestBuffer? Bytes, BodyStatus Status, int SentBytes, string Error = "");
