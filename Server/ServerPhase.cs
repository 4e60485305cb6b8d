namespace OrleansTempo.Server;

/// <summary>Where a server is in its life; it only ever moves forward.</summary>
public enum ServerPhase
{
    /// <summary>Listening, but not yet ready to take spans.</summary>
    Starting,

    /// <summary>Taking spans.</summary>
    Ready,

    /// <summary>Finishing what it has and refusing more.</summary>
    Stopping,
}
