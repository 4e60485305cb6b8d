namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>One <c>ScopeSpans</c> of a request.</summary>
public struct ScopeRecord
{
    /// <summary>The inside of the <c>ScopeSpans</c> message, its spans included.</summary>
    public Slice Message;

    /// <summary>Among the batch's envelopes, once they are built: the message without its spans.</summary>
    internal Slice Envelope;
}
