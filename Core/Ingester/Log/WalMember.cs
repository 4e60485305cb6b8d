namespace OrleansTempo.Core.Ingester.Log;

/// <summary>This process as a member of its cluster, and what membership says of the others.</summary>
/// <param name="Silo">This process's name in the cluster: unique, also among processes that follow each other at one address.</param>
/// <param name="IsDead">Whether a member has been declared dead; its stream is then adopted at once, without waiting for its silence.</param>
public sealed record WalMember(string Silo, Func<string, bool> IsDead);
