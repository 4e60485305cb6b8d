namespace OrleansTempo.Core.Ingester.Log;

/// <summary>Why nothing can be written to the write-ahead log at the moment.</summary>
/// <param name="Reason">The reason, in a sentence.</param>
/// <param name="Lasts">For how long nothing could be written.</param>
/// <param name="StopsAppends">Whether an append would only wait in vain, so that it should be refused before.</param>
public sealed record WalTrouble(string Reason, TimeSpan Lasts, bool StopsAppends);
