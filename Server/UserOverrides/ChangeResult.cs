namespace OrleansTempo.Server.UserOverrides;

/// <summary>What became of a change of a tenant's limits.</summary>
/// <param name="Status">In a word.</param>
/// <param name="Problem">In a sentence, for the client; empty where it was done.</param>
/// <param name="Limits">What holds now; null where nothing does, or it was not done.</param>
/// <param name="Version">The version of that.</param>
internal readonly record struct ChangeResult(ChangeStatus Status, string Problem = "", TenantLimits? Limits = null, string Version = "");
