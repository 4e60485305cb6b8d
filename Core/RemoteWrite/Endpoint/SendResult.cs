namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>What an attempt to send a request came to.</summary>
internal enum SendResult
{
    Accepted,

    /// <summary>The remote end may take it later: 5xx, 429, no answer.</summary>
    Retry,

    /// <summary>The remote end will never take it.</summary>
    Rejected,

    /// <summary>The remote end does not know this protocol; it may take the same in 1.0.</summary>
    NotUnderstood,
}
