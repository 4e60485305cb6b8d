namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>The resource of one <c>ResourceSpans</c>.</summary>
public struct ResourceRecord
{
    /// <summary>The inside of the <c>ResourceSpans</c> message, its spans included.</summary>
    public Slice Message;

    /// <summary>Among the batch's envelopes, once they are built: the message without its scope spans.</summary>
    internal Slice Envelope;

    /// <summary>The first of the resource's attributes among the batch's.</summary>
    public int FirstAttribute;
    public int AttributeCount;
}
