namespace OrleansTempo.Core.RemoteWrite;

/// <summary>What is to be expected of the owner in a <see cref="WriterRecord"/>.</summary>
internal enum WriterState
{
    /// <summary>It sends, or has died.</summary>
    Live,

    /// <summary>It has ended in order.</summary>
    Released,

    /// <summary>It has ended in order, and the tenant has nothing any more that needs an owner.</summary>
    Ended,
}
