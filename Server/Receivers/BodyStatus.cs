namespace OrleansTempo.Server.Receivers;

/// <summary>How reading a request's body ended.</summary>
internal enum BodyStatus
{
    Complete,

    /// <summary>More bytes than allowed, as sent or as decompressed.</summary>
    TooLarge,

    /// <summary>The compressed data is broken or cut off.</summary>
    Undecodable,
}
