namespace OrleansTempo.Core.Configuration;

/// <summary>Marks an option whose value never leaves the process: <c>/status/config</c> and messages show <c>&lt;secret&gt;</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretAttribute : Attribute;
