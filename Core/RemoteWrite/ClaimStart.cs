namespace OrleansTempo.Core.RemoteWrite;

/// <summary>What a <see cref="WriterClaim"/> found when it was taken.</summary>
public enum ClaimStart
{
    /// <summary>Nobody has had it.</summary>
    New,

    /// <summary>Its former owner has ended in order and sends nothing more.</summary>
    Released,

    /// <summary>Its former owner, or one before that, may still send, for at most a lease.</summary>
    Seized,
}
