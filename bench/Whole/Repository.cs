namespace OrleansTempo.Bench.Whole;

/// <summary>The repository that this build came from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OrleansTempo.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"no OrleansTempo.sln above {AppContext.BaseDirectory}");
    }
}
