namespace OrleansTempo.Server.Receivers;

/// <summary>How reading a request's body ended.</summary>
internal enum BodyStatus
{
    Complete,

    /// <summary>More bytes than allowed, as sent or decompressed.</summary>
    TooLarge,

    /// <summary>The compressed data is broken or cut off.</summary>
    Undecodable,

    /// <summary>Decompressing would take more memory than is given for it, by what the data says of itself.</summary>
    WindowTooLarge,

    /// <summary>The text is not OTLP's JSON.</summary>
    WrongJson,

    /// <summary>It has more bytes than <see cref="SentBody.ExactLength"/>.</summary>
    Longer,

    /// <summary>It ends before <see cref="SentBody.ExactLength"/>.</summary>
    Shorter,
}
