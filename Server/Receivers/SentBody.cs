using System.IO.Pipelines;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Receivers;

/// <summary>A request's body before it is read, with what the protocol's headers say about it.</summary>
/// <param name="Reader">The bytes as they arrive.</param>
/// <param name="Coding">How it is compressed; null if it is not.</param>
/// <param name="Length">How many bytes are sent; null if the request does not say.</param>
internal readonly record struct SentBody(PipeReader Reader, ContentCoding? Coding, long? Length)
{
    /// <summary>How many bytes it must have, at most the limit; null if it may have any number.</summary>
    public int? ExactLength { get; init; }

    /// <summary>Whether it is OTLP's JSON rather than protobuf.</summary>
    public bool IsJson { get; init; }
}

/// <summary>A request's body after it was read.</summary>
/// <param name="Bytes">The content in protobuf, owned by the caller; null if it could not be read.</param>
/// <param name="Status">Why it could not be read.</param>
/// <param name="SentBytes">How many bytes arrived, as sent.</param>
/// <param name="Error">What is wrong with the text, in a sentence, if it is not OTLP's JSON.</param>
internal readonly record struct ReceivedBody(RequestBuffer? Bytes, BodyStatus Status, int SentBytes, string Error = "");
