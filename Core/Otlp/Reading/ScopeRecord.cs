namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>One <c>ScopeSpans</c> of a request.</summary>
public struct ScopeRecord
{
    /// <summary>The content of the <c>ScopeSpans</c> message, including its spans.</summary>
    public Slice Message;

    /// <summary>Its place in the batch's envelopes, once they are built: the message without its spans.</summary>
    internal Slice Envelope;
}
