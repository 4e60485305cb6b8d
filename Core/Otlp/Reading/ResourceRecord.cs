namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>The resource of one <c>ResourceSpans</c>.</summary>
public struct ResourceRecord
{
    /// <summary>The content of the <c>ResourceSpans</c> message, including its spans.</summary>
    public Slice Message;

    /// <summary>Its place in the batch's envelopes, once they are built: the message without its scope spans.</summary>
    internal Slice Envelope;

    /// <summary>The index of the resource's first attribute in the batch.</summary>
    public int FirstAttribute;
    public int AttributeCount;
}
